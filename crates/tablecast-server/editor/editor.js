// The SQL editor: it takes the place of the text area, and gives it its text back. The page works without it.
//
// It lives in a shadow root, where CodeMirror mounts its styles as constructed sheets: the page's content security
// policy allows no styles of another kind.
import { basicSetup } from "codemirror";
import { SQLite, sql } from "@codemirror/lang-sql";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { formatDialect, sqlite } from "sql-formatter";

const theme = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--paper)", border: "1px solid var(--soft)", borderRadius: "6px", fontSize: "0.92rem" },
  "&.cm-focused": { outline: "2px solid var(--mark)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", minHeight: "5.5rem", maxHeight: "60vh" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--tint)", color: "var(--soft)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  ".cm-tooltip": { backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--link)", color: "var(--sheet)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--line)" },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--link)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--mark)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--mark)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
]);

const start = (area) => {
  const host = document.createElement("div");
  host.className = "editor";
  area.after(host);
  const root = host.attachShadow({ mode: "open" });
  const form = area.form;
  const run = () => { form.requestSubmit(); return true; };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        Prec.highest(keymap.of([{ key: "Mod-Enter", run }, { key: "Shift-Enter", run }])),
        basicSetup,
        sql({ dialect: SQLite, schema: JSON.parse(area.dataset.tables || "{}"), upperCaseKeywords: false }),
        syntaxHighlighting(colours),
        theme,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": "SQL query" }),
        EditorView.updateListener.of((update) => { if (update.docChanged) area.value = update.state.doc.toString(); }),
      ],
    }),
  });
  area.hidden = true;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Format SQL";
  button.addEventListener("click", () => {
    const text = view.state.doc.toString();
    let formatted;
    try {
      formatted = formatDialect(text, { dialect: sqlite, keywordCase: "preserve", tabWidth: 2 });
    } catch {
      // What cannot be read as SQL stays as it is.
      return;
    }
    view.dispatch({ changes: { from: 0, to: text.length, insert: formatted } });
    view.focus();
  });
  form.querySelector("button[type=submit]").after(button);
};

for (const area of document.querySelectorAll("textarea[data-tables]")) start(area);
