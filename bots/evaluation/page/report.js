"use strict";
// Filters the conversations. Without it the page is whole, only not filtered.
const cases = [...document.querySelectorAll(".case")];
const texts = cases.map((one) => one.textContent.toLowerCase().replace(/\s+/g, " "));
const controls = Object.fromEntries(["search", "verdict", "tag", "language", "rung"].map((id) => [id, document.getElementById(id)]));
const has = (one, key, wanted) => !wanted || one.dataset[key].split(" ").includes(wanted);

function filter() {
  const wanted = Object.fromEntries(Object.entries(controls).map(([id, control]) => [id, control.value]));
  const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  cases.forEach((one, at) => {
    const fits = has(one, "verdict", wanted.verdict) && has(one, "tags", wanted.tag) && has(one, "language", wanted.language)
      && has(one, "rungs", wanted.rung) && words.every((word) => texts[at].includes(word));
    one.hidden = !fits;
    shown += fits;
  });
  document.getElementById("count").textContent = shown === cases.length ? cases.length : `${shown} of ${cases.length}`;
  document.getElementById("none").hidden = shown > 0;
}

Object.values(controls).forEach((control) => control.addEventListener("input", filter));
const opener = document.getElementById("open");
opener.addEventListener("click", () => {
  const open = opener.textContent === "Open all";
  cases.forEach((one) => { one.open = open && !one.hidden; });
  opener.textContent = open ? "Close all" : "Open all";
});
// A link into the list opens what it leads to; on paper everything is open.
const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.matches(".case")) { target.hidden = false; target.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", reveal);
addEventListener("beforeprint", () => cases.forEach((one) => { one.open = true; }));
reveal();
filter();
