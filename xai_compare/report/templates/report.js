"use strict";
(() => {
  // Everything is readable without this: it only adds sorting, one case at a time, and opened details in print.
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

  for (const table of document.querySelectorAll("table")) {
    if (table.tBodies[0].rows.length < 4) continue; // nothing to sort
    [...table.tHead.rows[0].cells].forEach((header, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header, index));
      header.append(button);
    });
  }

  // A browser leaves a control alone that a wide table shows by its edge only.
  addEventListener("focusin", (event) => {
    if (event.target.parentElement?.closest(".scroll")) event.target.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  const wanted = () => {
    try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
  };

  const pick = (group, moved) => {
    const cases = [...group.querySelectorAll(".case")];
    const chosen = cases.find((item) => item.id === wanted());
    if (moved && !chosen && wanted()) return; // another place of the page was asked for
    const shown = chosen || cases[0];
    for (const item of cases) item.hidden = item !== shown;
    for (const link of group.querySelectorAll(".picker a")) {
      if (link.hash.slice(1) === shown.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (chosen) chosen.scrollIntoView();
  };

  const groups = document.querySelectorAll(".cases");
  for (const group of groups) pick(group, false);
  addEventListener("hashchange", () => { for (const group of groups) pick(group, true); });

  const opened = [];
  addEventListener("beforeprint", () => {
    for (const item of document.querySelectorAll("details:not([open])")) { item.open = true; opened.push(item); }
  });
  addEventListener("afterprint", () => { while (opened.length) opened.pop().open = false; });
})();
