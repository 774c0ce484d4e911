"use strict";
(() => {
  // Everything is readable without this: it only adds sorting, filters, one case at a time, and opened details in print.
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // ---- tables that sort

  const value = (row, index) => {
    const cell = row.cells[index];
    return cell.dataset.order === undefined ? null : Number(cell.dataset.order);
  };

  const compare = (index, numeric, sign) => (a, b) => {
    if (!numeric) return sign * a.cells[index].textContent.trim().localeCompare(b.cells[index].textContent.trim());
    const x = value(a, index), y = value(b, index);
    if (x === null || y === null) return (x === null) - (y === null); // what was not measured stays last
    return sign * (x - y);
  };

  const sort = (table, header, index) => {
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const body = table.tBodies[0];
    const numeric = header.classList.contains("number");
    body.append(...[...body.rows].sort(compare(index, numeric, ascending ? 1 : -1)));
  };

  for (const table of all("table")) {
    if (table.tBodies[0].rows.length < 4) continue; // nothing to sort
    [...table.tHead.rows[0].cells].forEach((header, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header, index));
      header.append(button);
    });
  }

  // A browser leaves a control alone that a wide table, or the line of contents, shows by its edge only.
  addEventListener("focusin", (event) => {
    if (event.target.parentElement?.closest(".scroll, .contents ol")) event.target.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  // ---- the address holds what is chosen: #place&model=1&order=models

  const selects = all("select[data-choice]");
  const keys = [...new Set(selects.map((one) => one.dataset.choice))];

  const address = () => {
    const [place, ...rest] = location.hash.slice(1).split("&");
    const said = new URLSearchParams(rest.join("&"));
    const known = (key) => selects.some((one) => one.dataset.choice === key && [...one.options].some((o) => o.value === said.get(key)));
    const state = Object.fromEntries(keys.map((key) => [key, known(key) ? said.get(key) : ""]));
    try { return { raw: place, place: decodeURIComponent(place), state }; } catch { return { raw: "", place: "", state }; }
  };

  const hash = (raw, state) => `#${[raw, ...keys.filter((key) => state[key]).map((key) => `${key}=${state[key]}`)].join("&")}`;

  // ---- filters: what speaks of other models or methods than the one asked for is out of sight

  const fits = (one, state) => ["model", "method"].every((key) => !state[key] || !one.dataset[key] || one.dataset[key].split(" ").includes(state[key]));

  const filter = (state) => {
    for (const one of all("main [data-model], main [data-method]")) one.classList.toggle("off", !fits(one, state));
    for (const table of all("main table")) {
      for (const header of all("th[data-model], th[data-method]", table)) {
        for (const row of table.tBodies[0].rows) row.cells[header.cellIndex].classList.toggle("off", !fits(header, state));
      }
      const rows = [...table.tBodies[0].rows];
      table.parentElement.classList.toggle("off", rows.length > 0 && rows.every((row) => row.classList.contains("off")));
    }
    for (const one of all("main details").reverse()) { // those within others first
      one.classList.toggle("off", one.children.length > 1 && [...one.children].slice(1).every((child) => child.classList.contains("off")));
    }
    const rows = all("main tbody tr:is([data-model], [data-method])");
    const left = rows.filter((row) => !row.classList.contains("off")).length;
    const told = state.model || state.method ? `${left} of ${rows.length} rows about models and methods are shown. Figures with several stay.` : "";
    say(all(".side .told")[0], told);
  };

  const say = (place, words) => { if (place && place.textContent !== words) place.textContent = words; };

  // ---- cases: one at a time, of those that the picker is asked for, in its order

  const groups = all(".cases").map((element) => ({ element, items: all(".case", element), entries: all(".picker li", element), shown: null }));

  const pick = (group, { place, state }, afresh) => {
    const asked = (one) => ["said", "slice"].every((key) => !state[key] || one.dataset[key].split(" ").includes(state[key]));
    const far = (one) => Number(one.dataset[state.order] ?? -1);
    const order = group.items.map((item, i) => i);
    if (state.order) order.sort((i, j) => far(group.items[j]) - far(group.items[i]) || i - j);
    const left = order.filter((i) => asked(group.items[i])).map((i) => group.items[i]);
    const linked = left.find((item) => item.id === place);
    group.shown = linked || (!afresh && left.includes(group.shown) ? group.shown : left[0]);
    order.forEach((i) => group.entries[i].parentElement.append(group.entries[i]));
    group.items.forEach((item, i) => {
      item.hidden = item !== group.shown;
      group.entries[i].hidden = !asked(item);
      const link = group.entries[i].firstElementChild;
      if (item === group.shown) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    const narrowed = state.said || state.slice;
    say(group.element.querySelector(".told"), !narrowed ? "" : `${left.length || "None"} of the ${group.items.length} cases shown here ${left.length === 1 ? "fits" : "fit"}.`);
  };

  // ---- all of it follows the address

  let before = { place: null, state: {} };

  const follow = () => {
    const now = address();
    const changed = (...some) => some.some((key) => (before.state[key] || "") !== (now.state[key] || ""));
    for (const one of selects) one.value = now.state[one.dataset.choice];
    if (changed("model", "method")) filter(now.state);
    const afresh = before.place === null || (before.place && !now.place) || changed("order", "said", "slice");
    for (const group of groups) pick(group, now, afresh);
    if (now.place && now.place !== before.place) reach(document.getElementById(now.place));
    before = now;
  };

  // What the browser does for a plain link it cannot do for one with a state behind it, or to a case that was hidden.
  const reach = (target) => {
    if (!target || !(target.matches(".case") || location.hash.includes("&") || target.closest("details:not([open])"))) return;
    for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    target.scrollIntoView();
  };

  const set = (changes, keep = true) => {
    const { raw, state } = address();
    history.pushState(null, "", hash(keep ? raw : "", { ...state, ...changes }));
    follow();
  };

  const within = (place) => groups.some((group) => group.items.some((item) => item.id === place));

  for (const one of selects) {
    const picks = !["model", "method"].includes(one.dataset.choice);
    one.addEventListener("change", () => set({ [one.dataset.choice]: one.value }, !(picks && within(address().place))));
  }

  // A link leads elsewhere and keeps what is chosen.
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const { state } = address();
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || !keys.some((key) => state[key])) return;
    event.preventDefault();
    location.hash = link.hash;
    history.replaceState(null, "", hash(link.hash.slice(1), state));
  });

  addEventListener("hashchange", follow);

  // ---- the contents tell where the reader is: in the section at a line near the top of the window

  const sections = all("main > section");

  const here = () => {
    const { scrollTop, clientHeight, scrollHeight } = document.documentElement;
    const asked = document.getElementById(address().place)?.closest("section");
    const last = scrollTop + clientHeight > scrollHeight - 2; // what was asked for cannot come up to the line
    const above = sections.filter((one) => one.getBoundingClientRect().top <= clientHeight / 10);
    const current = last && asked && asked.getBoundingClientRect().top < clientHeight ? asked : above.pop() || sections[0];
    for (const link of all(".contents a")) {
      if (link.hash === `#${current.id}`) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  };

  const line = new IntersectionObserver(here, { rootMargin: "-10% 0px -90% 0px" });
  for (const one of sections) line.observe(one);
  addEventListener("hashchange", here);

  for (const one of all(".controls")) one.hidden = false;
  follow();

  // ---- paper

  const opened = [];
  const unfold = () => {
    for (const item of all("details:not([open])")) { item.open = true; opened.push(item); }
  };
  addEventListener("beforeprint", unfold);
  addEventListener("afterprint", () => { while (opened.length) opened.pop().open = false; });

  const actions = { clear: () => set(Object.fromEntries(keys.map((key) => [key, ""]))), print: () => { unfold(); print(); } };
  for (const one of all("[data-do]")) one.addEventListener("click", actions[one.dataset.do]);
})();
