// Everything works without this script. It adds the switch between light and dark, buttons that copy, menus and dialogs.
const root = document.documentElement;
const kept = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
if (kept === "light" || kept === "dark") root.dataset.theme = kept;

document.addEventListener("DOMContentLoaded", () => {
  const toggle = document.querySelector("[data-toggle-theme]");
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* the choice lasts for this page */ }
    });
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const text = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = text; }, 1500);
    });
  }
});

// Menus of columns open under their buttons.
document.addEventListener("toggle", (event) => {
  const popup = event.target;
  if (event.newState !== "open" || !popup.matches?.("[popover].popup")) return;
  const button = document.querySelector(`[popovertarget="${popup.id}"]`).getBoundingClientRect();
  popup.style.top = `${Math.min(button.bottom + 4, innerHeight - popup.offsetHeight - 8)}px`;
  popup.style.left = `${Math.max(8, Math.min(button.left, innerWidth - popup.offsetWidth - 8))}px`;
}, true);

// Profiles of columns open in a dialog, which is their page's article. What does not load so is gone to.
const profileDialog = () => {
  const dialog = document.createElement("dialog");
  dialog.className = "sheet";
  dialog.setAttribute("aria-label", "Profile of a column");
  const ends = document.createElement("p");
  ends.className = "ends";
  const page = document.createElement("a");
  page.textContent = "As a page";
  const close = document.createElement("button");
  close.type = "button";
  close.className = "quiet";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  ends.append(page, close);
  const body = document.createElement("div");
  body.setAttribute("aria-live", "polite");
  dialog.append(ends, body);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  let loading;
  dialog.addEventListener("close", () => { loading?.abort(); body.replaceChildren(); });
  return async (url) => {
    const wait = document.createElement("p");
    wait.className = "soft";
    wait.textContent = "Reading the column…";
    body.replaceChildren(wait);
    page.href = url;
    dialog.showModal();
    close.focus();
    loading = new AbortController();
    const { signal } = loading;
    try {
      const answer = await fetch(url, { signal });
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("article.profile");
      if (!found) throw new Error("no profile");
      body.replaceChildren(document.importNode(found, true));
    } catch {
      if (!signal.aborted) location.href = url;
    }
  };
};

let openProfile;
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href*='/-/profile?']");
  if (!link || link.closest("dialog") || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const popup = link.closest("[popover]");
  const opener = popup ? document.querySelector(`[popovertarget="${popup.id}"]`) : link;
  popup?.hidePopover();
  // A dialog gives the focus back to where it was.
  opener.focus();
  openProfile ??= profileDialog();
  openProfile(link.href);
});

// Pictures of arrays: a table's page takes its own out of the picture's page, sliders and choices draw at once, and the
// value under the pointer is told.
const tellValues = (figure) => {
  const told = document.createElement("p");
  told.className = "told soft";
  figure.querySelector("figcaption").before(told);
  let numbers;
  const word = (axis, at) => {
    const found = axis.coordinates?.[at];
    if (typeof found === "number") return Number(found.toPrecision(6)).toString();
    return found || String(axis.edges[at]);
  };
  for (const svg of figure.querySelectorAll("svg[data-frame]")) {
    const [left, top, width, height] = svg.dataset.frame.split(" ").map(Number);
    const [across, down] = svg.dataset.bins.split(" ").map(Number);
    const [right, up] = svg.dataset.turned.split(" ").map((flag) => flag === "1");
    const here = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    here.setAttribute("class", "here");
    svg.addEventListener("pointerleave", () => { here.remove(); told.textContent = ""; });
    svg.addEventListener("pointermove", async (event) => {
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const column = Math.floor((place.x - left) / width * across);
      const row = Math.floor((place.y - top) / height * down);
      if (column < 0 || row < 0 || column >= across || row >= down) { here.remove(); told.textContent = ""; return; }
      for (const [name, value] of Object.entries({ x: left + column * width / across, y: top + row * height / down, width: width / across, height: height / down })) here.setAttribute(name, value);
      svg.append(here);
      try { numbers ??= fetch(figure.dataset.json).then((answer) => answer.json()); } catch { return; }
      const found = await numbers;
      if (!found.ok) return;
      const axis = (name) => found.dimensions.find((dimension) => dimension.name === name);
      const x = right ? across - 1 - column : column;
      const y = up ? down - 1 - row : row;
      const value = found.y === null ? found.values[x] : found.values[y]?.[x];
      const places = found.y === null ? [[found.x, x]] : [[found.y, y], [found.x, x]];
      const where = places.map(([name, at]) => `${name} ${word(axis(name), at)}`).join(", ");
      const amount = typeof value === "number" ? `${Number(value.toPrecision(7))}${found.unit ? ` ${found.unit}` : ""}` : "missing";
      told.textContent = `${where}: ${amount}`;
    });
  }
};

const drawInto = (place) => {
  let loading;
  const show = async (url, focus) => {
    loading?.abort();
    loading = new AbortController();
    const { signal } = loading;
    try {
      const answer = await fetch(url, { signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.querySelector("article.picture");
      if (!found) throw new Error(page.querySelector("main p")?.textContent ?? "no picture");
      const article = document.importNode(found, true);
      if (place.dataset.picture) article.querySelector("header").remove();
      (place.querySelector("article.picture") ?? place.querySelector("noscript"))?.replaceWith(article);
      if (!place.dataset.picture) history.replaceState(null, "", url);
      live(article);
      if (focus) article.querySelector(focus)?.focus();
    } catch (error) {
      if (!signal.aborted) location.href = url;
    }
    place.removeAttribute("aria-busy");
  };
  const live = (article) => {
    tellValues(article.querySelector("figure"));
    const form = article.querySelector("form");
    const button = form.querySelector("button");
    button?.remove();
    const address = () => `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
    let wait;
    form.addEventListener("input", (event) => {
      clearTimeout(wait);
      const { name } = event.target;
      wait = setTimeout(() => show(address(), `[name="${CSS.escape(name)}"]`), event.target.type === "range" ? 120 : 0);
    });
    form.addEventListener("submit", (event) => { event.preventDefault(); show(address()); });
    form.addEventListener("click", (event) => {
      const link = event.target.closest("a.button");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      show(link.href, `[aria-label="${CSS.escape(link.getAttribute("aria-label"))}"]`);
    });
  };
  return { show, live };
};

document.addEventListener("DOMContentLoaded", () => {
  const own = document.querySelector("main > article.picture");
  if (own) drawInto(own.parentElement).live(own);
  for (const place of document.querySelectorAll("details[data-picture]")) {
    const open = () => {
      if (!place.open || place.dataset.begun) return;
      place.dataset.begun = "on";
      place.setAttribute("aria-busy", "true");
      drawInto(place).show(place.dataset.picture);
    };
    place.addEventListener("toggle", open);
    open();
  }
});

// Facets that are sampled are being counted: what programs are told is asked until they are, ever less often.
document.addEventListener("DOMContentLoaded", () => {
  if (!document.querySelector("[data-counting]")) return;
  const url = new URL(location.href);
  url.hash = "";
  const page = url.href;
  url.pathname += ".json";
  for (const name of ["_shape", "_nl"]) url.searchParams.delete(name);
  for (const [name, value] of Object.entries({ _size: "0", _nosuggest: "1", _nocount: "1", _extra: "facets_timed_out" })) url.searchParams.set(name, value);
  let shown = Number(document.querySelector(".facets").dataset.late);
  let left = 12;
  let wait = 1000;
  const ask = async () => {
    if (document.hidden) return setTimeout(ask, wait);
    try {
      const answer = await fetch(url);
      const { facets_timed_out: late } = await answer.json();
      if (late.length < shown) {
        const fresh = new DOMParser().parseFromString(await (await fetch(page)).text(), "text/html");
        const facets = fresh.querySelector(".facets");
        if (facets) document.querySelector(".facets").replaceWith(document.importNode(facets, true));
        if (!fresh.querySelector("[data-counting]")) return undefined;
        shown = late.length;
      }
    } catch { return undefined; /* the sample stays, and says that it is one */ }
    left -= 1;
    wait = Math.min(wait * 2, 60000);
    return left > 0 ? setTimeout(ask, wait) : undefined;
  };
  setTimeout(ask, wait);
});

// Columns are moved in their chooser by buttons or by dragging; the form sends them as they stand there.
const movable = (list) => {
  const said = document.createElement("p");
  said.className = "soft";
  said.setAttribute("role", "status");
  list.after(said);
  const fixed = (item) => !item || item.querySelector("input").disabled;
  const nameOf = (item) => item.querySelector("input").value;
  const place = (item) => [...list.children].indexOf(item) + 1;
  const tell = (item) => { said.textContent = `${nameOf(item)} is now ${place(item)} of ${list.children.length}.`; };
  let dragged;
  for (const item of list.children) {
    if (fixed(item)) continue;
    const buttons = document.createElement("span");
    buttons.className = "moves";
    for (const [text, word] of [["↑", "earlier"], ["↓", "later"]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.setAttribute("aria-label", `Move ${nameOf(item)} ${word}`);
      button.addEventListener("click", () => {
        const other = word === "earlier" ? item.previousElementSibling : item.nextElementSibling;
        if (fixed(other)) return;
        if (word === "earlier") other.before(item);
        else other.after(item);
        button.focus();
        tell(item);
      });
      buttons.append(button);
    }
    item.append(buttons);
    item.draggable = true;
    item.addEventListener("dragstart", (event) => { dragged = item; event.dataTransfer.effectAllowed = "move"; });
    item.addEventListener("dragend", () => { if (dragged) tell(dragged); dragged = undefined; });
    item.addEventListener("dragover", (event) => {
      if (!dragged || dragged === item) return;
      event.preventDefault();
      if (place(dragged) < place(item)) item.after(dragged);
      else item.before(dragged);
    });
  }
  list.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });
};

document.addEventListener("toggle", (event) => {
  const list = event.target.querySelector?.(":scope .checks");
  if (!list || event.newState !== "open" || list.dataset.movable) return;
  list.dataset.movable = "on";
  movable(list);
}, true);

// The jump menu: a dialog that looks for databases, tables, views and queries by name.
const jumpDialog = () => {
  const dialog = document.createElement("dialog");
  dialog.className = "jump";
  dialog.setAttribute("aria-label", "Jump to a table, view or query");
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "Name of a database, table, view or query";
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-label": "Jump to", "aria-expanded": "true", "aria-controls": "jump-list", "aria-autocomplete": "list", autocomplete: "off",
  })) field.setAttribute(name, value);
  const list = document.createElement("ul");
  list.id = "jump-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Matches");
  const said = document.createElement("p");
  said.className = "soft";
  said.setAttribute("role", "status");
  dialog.append(field, said, list);
  let chosen = 0;
  let asked = 0;
  const choose = (place) => {
    const items = [...list.children];
    chosen = items.length ? (place + items.length) % items.length : 0;
    items.forEach((item, at) => item.setAttribute("aria-selected", at === chosen ? "true" : "false"));
    items[chosen]?.scrollIntoView({ block: "nearest" });
    if (items[chosen]) field.setAttribute("aria-activedescendant", items[chosen].id);
    else field.removeAttribute("aria-activedescendant");
  };
  const show = (matches) => {
    list.replaceChildren(...matches.map((match, at) => {
      const item = document.createElement("li");
      item.id = `jump-${at}`;
      item.setAttribute("role", "option");
      const name = document.createElement("span");
      name.textContent = match.name;
      const kind = document.createElement("span");
      kind.className = "soft";
      kind.textContent = match.type;
      if (match.description) {
        const words = document.createElement("small");
        words.textContent = match.description;
        name.append(words);
      }
      item.append(name, kind);
      item.addEventListener("click", () => { location.href = match.url; });
      item.dataset.url = match.url;
      return item;
    }));
    said.textContent = matches.length ? "" : "Nothing is found.";
    choose(0);
  };
  const ask = async () => {
    const number = ++asked;
    try {
      const answer = await fetch(`${document.body.dataset.base}-/jump.json?q=${encodeURIComponent(field.value)}`);
      const found = await answer.json();
      if (number === asked) show(found.matches.slice(0, 30));
    } catch {
      if (number === asked) said.textContent = "The server does not answer.";
    }
  };
  field.addEventListener("input", ask);
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); choose(chosen + step); }
    if (event.key === "Enter") {
      event.preventDefault();
      const url = list.children[chosen]?.dataset.url;
      if (url) location.href = url;
    }
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  return () => { field.value = ""; dialog.showModal(); field.focus(); ask(); };
};

document.addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector("[data-jump]");
  if (!button) return;
  let open;
  const jump = () => { open ??= jumpDialog(); open(); };
  button.hidden = false;
  button.addEventListener("click", jump);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, dialog, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      jump();
    }
  });
});
