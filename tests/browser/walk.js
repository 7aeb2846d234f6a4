// Walks the pages as a person does, in headless Chromium, at two widths, in light and dark.
//
//   node walk.js http://127.0.0.1:8001 CHROMIUM [FOLDER FOR SCREENSHOTS]
//
// The server publishes examples/penguins.db and the other examples. On each page: no fault that axe-core calls serious
// or critical, nothing wider than the window, no error on the console (which is where violations of the content security
// policy are told).
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [site, executablePath, folder] = process.argv.slice(2);
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [1280, 390];
const SCHEMES = ["light", "dark"];

const addressOf = (page) => {
  const url = new URL(page.url());
  return url.pathname + decodeURIComponent(url.search);
};

// What every page must be, whoever made it.
const checker = (page, name) => {
  const said = [];
  page.on("console", (message) => { if (message.type() === "error") said.push(message.text()); });
  page.on("pageerror", (error) => said.push(String(error)));
  let number = 0;
  return async (what) => {
    number += 1;
    if (process.env.TIMES) console.log(name, what, Math.round(performance.now()));
    assert.deepEqual(said, [], `${name}, ${what}: errors on the console`);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wider, 0, `${name}, ${what}: wider than the window by ${wider} px`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    // What axe-core itself does to the page is not the page's fault.
    said.length = 0;
    const bad = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    assert.deepEqual(bad.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], `${name}, ${what}: accessibility`);
    if (folder) await page.screenshot({ path: path.join(folder, `${name}-${number}-${what.replaceAll(/\W+/g, "-")}.png`) });
  };
};

const walk = async (browser, width, colorScheme) => {
  const name = `${width}-${colorScheme}`;
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, acceptDownloads: true });
  const page = await context.newPage();
  const check = checker(page, name);
  const isWide = width > 640;

  await page.goto(`${site}/`);
  assert.equal(await page.textContent("h1"), "Tablecast");
  await check("home");

  await page.click("main >> text=penguins >> nth=0");
  assert.equal(await page.textContent("h1"), "penguins");
  await check("database");

  await page.click("main .name >> text=/^penguins$/");
  assert.equal(addressOf(page), "/penguins/penguins");
  assert.match(await page.textContent("main"), /344 rows/);
  await check("table");

  // Filter: the form sends fields, the address has the filter.
  await page.click("text=Filter and sort");
  await page.selectOption("[name=_filter_column_1]", "sex");
  await page.selectOption("[name=_filter_op_1]", "exact");
  await page.fill("[name=_filter_value_1]", "FEMALE");
  await page.click("button:has-text('Apply')");
  assert.equal(addressOf(page), "/penguins/penguins?sex__exact=FEMALE");
  assert.match(await page.textContent("main"), /165 rows where sex = "FEMALE"/);
  await check("filter");

  // Facet: suggested, then one of its values chosen.
  await page.click(".suggested a >> nth=0");
  assert.match(addressOf(page), /_facet=/);
  await check("facet");
  const value = page.locator(".facets section li a").first();
  const label = await value.textContent();
  await value.click();
  assert.ok((await page.textContent(".chips")).length > 0, `no filter for ${label}`);
  await check("facet value");

  // Sort: by the head of a column where there is one, by the form otherwise; the menu of a column in wide windows.
  await page.goto(`${site}/penguins/penguins`);
  if (isWide) {
    await page.click("th >> text=body_mass_g");
    assert.equal(addressOf(page), "/penguins/penguins?_sort=body_mass_g");
    assert.equal(await page.getAttribute("th.col-body_mass_g", "aria-sort"), "ascending");
    await page.click("[aria-label='Actions for body_mass_g']");
    await check("column menu");
    await page.click(".popup:popover-open >> text=Sort descending");
  } else {
    await page.click("text=Filter and sort");
    await page.selectOption("[name=_sort]", "body_mass_g");
    await page.check("[name=_sort_by_desc]");
    await page.click("button:has-text('Apply')");
  }
  assert.equal(addressOf(page), "/penguins/penguins?_sort_desc=body_mass_g");
  assert.match(await page.textContent("tbody tr >> nth=0"), /6300/);
  await check("sorted");

  // The profile of a column, in a dialog that gives the focus back; its values lead to their rows.
  await page.goto(`${site}/penguins/penguins?species=1`);
  const opener = isWide ? "[aria-label='Actions for body_mass_g']" : "[aria-label='Profile of body_mass_g']";
  if (isWide) {
    await page.focus(opener);
    await page.keyboard.press("Enter");
    await page.click(".popup:popover-open >> text=Profile");
  } else {
    await page.click("summary:has-text('Columns')");
    await page.click(opener);
  }
  await page.waitForSelector("dialog[open] .profile svg[role=img]");
  assert.match(await page.textContent("dialog[open]"), /rows\s*152/);
  await check("profile");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("dialog[open]").count(), 0);
  assert.ok(await page.evaluate((opener) => document.activeElement === document.querySelector(opener), opener), "the focus is lost");
  await page.goto(`${site}/penguins/penguins/-/profile?_column=sex`);
  await check("profile as a page");
  await page.click(".shares a:has-text('FEMALE')");
  assert.match(await page.textContent("main"), /165 rows where sex = "FEMALE"/);

  // The picture of an array comes by itself, tells the values under the pointer, and is drawn anew by its form.
  await page.goto(`${site}/climate/pacific~2Fby_year`);
  const drawn = `article.picture svg.${isWide ? "wide" : "narrow"}`;
  await page.waitForSelector(`${drawn}[role=img]`);
  await page.hover(drawn);
  await page.waitForFunction(() => /dim_0 .*, dim_1 .*: /.test(document.querySelector(".told").textContent));
  await page.mouse.move(0, 0);
  await check("picture");
  await page.click("summary:has-text('Axes')");
  await page.selectOption("[name=_y]", "");
  await page.waitForSelector(`${drawn}[aria-label^="Line of "]`);
  await page.focus("[name=dim_0]");
  await page.keyboard.press("ArrowRight");
  await page.waitForSelector(`${drawn}[aria-label*="at dim_0 1"]`);
  assert.ok(await page.evaluate(() => document.activeElement.name === "dim_0"), "the focus is lost");
  await check("picture of a line");
  await page.goto(`${site}/climate/pacific~2Fby_year/-/picture`);
  await check("picture as a page");

  // Next page.
  await page.goto(`${site}/penguins/penguins?_sort_desc=body_mass_g`);
  const first = await page.textContent("tbody tr >> nth=0");
  await page.click("a[rel=next]");
  assert.match(addressOf(page), /_next=/);
  assert.notEqual(await page.textContent("tbody tr >> nth=0"), first);
  await check("next page");

  // Columns: fewer of them.
  await page.goto(`${site}/penguins/penguins`);
  await page.click("summary:has-text('Columns')");
  for (const box of await page.locator(".checks input:not([value=sex]):not([disabled])").all()) await box.uncheck();
  await page.click("button:has-text('Show')");
  assert.equal(addressOf(page), "/penguins/penguins?_col=sex");
  await check("columns");

  // Columns in another order: by the buttons, which the address then tells.
  await page.goto(`${site}/penguins/species?_col=name&_col=latin_name`);
  await page.click("summary:has-text('Columns')");
  await page.focus("[aria-label='Move latin_name earlier']");
  await page.keyboard.press("Enter");
  assert.match(await page.textContent("form [role=status]"), /latin_name is now 2 of 3/);
  await page.keyboard.press("Enter");
  assert.match(await page.textContent("form [role=status]"), /latin_name is now 2 of 3/);
  await check("columns moved");
  await page.click("button:has-text('Show')");
  assert.equal(addressOf(page), "/penguins/species?_col=latin_name&_col=name");
  assert.match(await page.textContent("thead"), /id.*latin_name.*name/s);
  await page.click("summary:has-text('Columns')");
  assert.deepEqual(await page.locator(".checks input").evaluateAll((all) => all.map(({ value }) => value)), ["on", "latin_name", "name"]);
  await page.locator(".checks > div:has([value=name])").dragTo(page.locator(".checks > div:has([value=latin_name])"));
  await page.click("button:has-text('Show')");
  assert.equal(addressOf(page), "/penguins/species?_col=name&_col=latin_name");

  // Row, and along a foreign key to another.
  await page.goto(`${site}/penguins/penguins`);
  await page.click("td.col-id a >> nth=0");
  assert.equal(addressOf(page), "/penguins/penguins/1");
  await check("row");
  await page.click("td.col-species a");
  assert.equal(addressOf(page), "/penguins/species/1");
  assert.match(await page.textContent("main"), /152 rows from species in penguins/);
  await check("row referred to");

  // SQL with a parameter.
  await page.goto(`${site}/penguins/-/query?sql=${encodeURIComponent("select name from species where id = :number")}`);
  await page.fill("[name=number]", "3");
  await page.click("button:has-text('Run SQL')");
  assert.match(addressOf(page), /number=3/);
  assert.match(await page.textContent("tbody"), /Chinstrap|Gentoo|Adelie/);
  await check("SQL");
  await page.goto(`${site}/penguins/-/query?sql=${encodeURIComponent("select nope from species")}`);
  assert.match(await page.textContent("[role=alert]"), /no such column: nope/);
  await check("SQL that fails");

  // The editor: completes names, formats, and runs by the keyboard.
  await page.goto(`${site}/penguins/-/query`);
  await page.click(".cm-content");
  await page.keyboard.type("select latin_name from spec");
  // A list that has just opened takes no key for 75 ms, so that nobody chooses from it by mistake.
  await page.waitForSelector(".cm-tooltip-autocomplete li[aria-selected] >> text=species");
  await page.waitForTimeout(200);
  await page.keyboard.press("Enter");
  await page.keyboard.type(" where id = 2");
  await page.click("text=Format SQL");
  assert.match(await page.inputValue("[name=sql]"), /^select\n {2}latin_name\nfrom\n {2}species\nwhere\n {2}id = 2$/);
  await check("editor");
  await Promise.all([page.waitForURL("**/-/query?sql=*"), page.keyboard.press("Control+Enter")]);
  assert.match(await page.textContent("tbody"), /Pygoscelis/);
  await check("editor with an answer");

  // Export.
  await page.goto(`${site}/penguins/species`);
  for (const [format, ending] of [["Parquet", "parquet"], ["Excel", "xlsx"]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`.data a:has-text('${format}')`)]);
    assert.equal(download.suggestedFilename(), `species.${ending}`);
    assert.ok(fs.statSync(await download.path()).size > 100);
  }
  const csv = await context.request.get(new URL(await page.getAttribute(".data p:has-text('All rows') a:has-text('CSV')", "href"), page.url()).href);
  assert.match(await csv.text(), /^id,name,latin_name\r\n/);

  // The jump menu, by its key and its button, without the mouse.
  await page.goto(`${site}/`);
  if (isWide) await page.keyboard.press("/");
  else await page.click("[data-jump]");
  await page.waitForSelector("dialog[open] [role=option]");
  await page.keyboard.type("species");
  await page.waitForFunction(() => document.querySelectorAll("[role=option]").length === 1);
  await check("jump menu");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/penguins/species");
  await page.click("[data-jump]");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("dialog[open]").count(), 0);

  // Another container, an error, and what the site tells of itself.
  for (const address of ["/climate/pacific~2Fsea_surface", "/el_nino/sst", "/-/versions", "/-/queries", "/penguins/-/schema"]) {
    await page.goto(site + address);
    await check(address);
  }
  const missing = await page.goto(`${site}/penguins/nope`);
  assert.equal(missing.status(), 404);
  await context.close();
};

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"] });
  try {
    for (const colorScheme of SCHEMES) for (const width of WIDTHS) await walk(browser, width, colorScheme);
  } finally {
    await browser.close();
  }
  console.log(`Browser: the walk at ${WIDTHS.join(" and ")} px in ${SCHEMES.join(" and ")}, without a fault`);
})().catch((error) => {
  console.error(error.message ?? error);
  process.exit(1);
});
