"use strict";
const { rows, words } = JSON.parse(document.getElementById("data").textContent);
const kept = "dyag-review:" + rows.map((row) => row.key).join("").slice(0, 400);
const element = (id) => document.getElementById(id);
let verdicts = {};
for (const row of rows) if (row.verdict) verdicts[row.key] = { verdict: row.verdict, note: row.note };
try { Object.assign(verdicts, JSON.parse(localStorage.getItem(kept) || "{}")); } catch { /* no storage: a reload forgets */ }
let at = Math.max(0, rows.findIndex((row) => !verdicts[row.key]));

function add(parent, tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  parent.append(made);
  return made;
}

function show() {
  const row = rows[at];
  const given = verdicts[row.key] || {};
  element("place").textContent = `${at + 1} / ${rows.length}${row.stratum ? " · " + row.stratum : ""}`;
  element("question").textContent = row.question;
  element("answer").textContent = row.answer;
  element("note").value = given.note || "";
  element("history").replaceChildren();
  for (const turn of row.history) add(element("history"), "p", turn);
  element("passages").replaceChildren();
  if (!row.passages.length) add(element("passages"), "p", words.no_passage);
  for (const [chunk, before, marked, behind] of row.passages) {
    add(element("passages"), "small", chunk);
    const text = add(element("passages"), "pre", before);
    if (marked) add(text, "mark", marked);
    text.append(behind);
  }
  for (const button of document.querySelectorAll("[data-verdict]"))
    button.setAttribute("aria-pressed", String(button.dataset.verdict === given.verdict));
  const read = Object.values(verdicts).filter((one) => one.verdict);
  const parts = ["right", "poor", "wrong"].map((one) => `${words[one]} ${read.filter((v) => v.verdict === one).length}`);
  element("shares").textContent = `${read.length} / ${rows.length} ${words.read} · ${parts.join(" · ")}`;
}

function keep() {
  try { localStorage.setItem(kept, JSON.stringify(verdicts)); } catch { /* see above */ }
}

function judge(verdict) {
  verdicts[rows[at].key] = { verdict, note: element("note").value };
  keep();
  move(1);
}

function move(by) {
  at = Math.min(rows.length - 1, Math.max(0, at + by));
  show();
}

for (const button of document.querySelectorAll("[data-verdict]"))
  button.addEventListener("click", () => judge(button.dataset.verdict));
element("back").addEventListener("click", () => move(-1));
element("next").addEventListener("click", () => move(1));
element("note").addEventListener("change", () => {
  const key = rows[at].key;
  if (verdicts[key]) { verdicts[key].note = element("note").value; keep(); }
});
element("save").addEventListener("click", () => {
  const lines = Object.entries(verdicts).map(([key, value]) => JSON.stringify({ key, value }) + "\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
  link.download = "verdicts.review.jsonl";
  link.click();
  URL.revokeObjectURL(link.href);
});
document.addEventListener("keydown", (event) => {
  if (event.target === element("note") || event.ctrlKey || event.metaKey || event.altKey) return;
  const verdict = { r: "right", p: "poor", w: "wrong" }[event.key];
  if (verdict) judge(verdict);
  else if (event.key === "ArrowLeft") move(-1);
  else if (event.key === "ArrowRight") move(1);
});
show();
