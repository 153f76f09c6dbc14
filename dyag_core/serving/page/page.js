// The page: a question to one arm or to several side by side, or a blind vote between two.
import { AnswerView } from "./answer.js";
import { ask } from "./ask.js";
import { make } from "./markdown.js";
import { language, say, switchLanguage, writeTexts } from "./texts.js";
import { askForVote, drawn } from "./vote.js";

const element = (id) => document.getElementById(id);
let about = null;
let running = null; // stops the answers that are being written
let last = null; // what was asked last: it moves to the earlier questions when the next one comes
const earlier = [];

function writePage() {
  writeTexts();
  element("language").textContent = say("other");
  element("language").lang = language === "en" ? "fr" : "en";
  if (!about) return;
  if (about.index) {
    const date = new Date(about.index.date * 1000).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
    element("index").textContent = say("index", date, about.index.passages.toLocaleString(language));
  }
  const advice = about.recommendation?.[language];
  element("measured").hidden = !advice;
  element("recommendation").textContent = advice ?? "";
  element("report").hidden = !about.report;
  element("mode").hidden = !about.votes || about.arms.length < 2;
  const chosen = new Set(chosenArms());
  const boxes = about.arms.map((arm) => {
    const box = make("input");
    Object.assign(box, { type: "checkbox", name: "arm", value: arm, checked: !chosen.size || chosen.has(arm) });
    const label = make("label", box, " ", say(arm));
    if (arm === about.leader) label.append(" ", make("small", `(${say("recommended")})`));
    return label;
  });
  element("arms").replaceChildren(element("arms").querySelector("legend"), ...boxes);
}

function chosenArms() {
  return [...document.querySelectorAll("[name=arm]:checked")].map((box) => box.value);
}

async function open() {
  writePage();
  const response = await fetch("/api/about").catch(() => null);
  element("login").hidden = response?.status !== 401;
  if (!element("login").hidden) return element("token").focus();
  if (!response?.ok) {
    document.querySelector("main").hidden = false;
    element("status").textContent = response ? (await response.json()).error.message : say("unreachable");
    return setTimeout(open, 2000);
  }
  about = await response.json();
  element("status").textContent = "";
  document.querySelector("main").hidden = false;
  writePage();
  element("question").focus();
}

async function send(question, blind) {
  const arms = blind ? drawn(chosenArms()) : chosenArms();
  keepLast();
  running = new AbortController();
  element("send").disabled = true;
  element("stop").disabled = false;
  element("vote").hidden = true;
  const views = arms.map((arm, side) => {
    const named = blind ? say(side ? "right" : "left") : say(arm);
    return new AnswerView(named, !blind && arm === about.leader ? say("recommended") : "", about.lang);
  });
  element("columns").replaceChildren(...views.map((view) => view.element));
  const answers = await Promise.all(arms.map((arm, at) => one(arm, question, views[at], blind)));
  running = null;
  element("send").disabled = false;
  element("stop").disabled = true;
  last = { question, views, right: "" };
  if (!answers.every(Boolean)) return;
  if (!blind) {
    element("vote").replaceChildren(rightAnswer(last));
    element("vote").hidden = false;
    return;
  }
  const sides = arms.map((arm, at) => ({ arm, answer: answers[at] }));
  askForVote(element("vote"), question, sides, (right) => {
    last.right = right;
    element("earlier").hidden = false;
    views.forEach((view, at) => {
      view.title.textContent = say(arms[at]);
      view.reveal();
    });
  });
}

async function one(arm, question, view, blind) {
  const { signal } = running;
  try {
    const answer = await ask(arm, question, { signal, onText: (text) => view.show(text) });
    view.finish(answer, question, blind);
    element("log").append(make("p", say("complete", view.title.firstChild.textContent)));
    return answer;
  } catch (error) {
    view.end(signal.aborted ? say("stopped") : `${say("failed")}: ${error.message}`);
    return null;
  }
}

function keepLast() {
  element("log").replaceChildren();
  if (!last) return;
  const columns = make("div", ...last.views.map((view) => view.element));
  columns.className = "columns";
  element("history").prepend(make("details", make("summary", last.question), columns, rightAnswer(last)));
  element("vote").replaceChildren();
  earlier.push(last);
  element("earlier").hidden = false;
  last = null;
}

function rightAnswer(asked) {
  const input = make("input");
  Object.assign(input, { value: asked.right, maxLength: 5000, autocomplete: "off" });
  input.addEventListener("input", () => {
    asked.right = input.value.trim();
    element("earlier").hidden = false;
  });
  return make("label", say("right_answer"), " ", input);
}

function exportQuestions() {
  const rows = [...earlier, last].filter((one) => one?.right);
  const lines = rows.map((one) => JSON.stringify({ question: one.question, expected_answer: one.right }) + "\n");
  const link = make("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
  link.download = "questions.jsonl";
  link.click();
  URL.revokeObjectURL(link.href);
}

element("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = element("question").value.trim();
  const blind = new FormData(element("ask")).get("mode") === "blind";
  const enough = chosenArms().length >= (blind ? 2 : 1);
  element("status").textContent = enough ? "" : say(blind ? "two_arms" : "one_arm");
  if (question && enough && !running) send(question, blind);
});
element("question").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  element("ask").requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
});
element("vote").addEventListener("submit", (event) => event.preventDefault());
element("stop").addEventListener("click", () => running?.abort());
element("export").addEventListener("click", exportQuestions);
element("language").addEventListener("click", () => {
  switchLanguage();
  writePage();
});
element("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ token: element("token").value });
  const response = await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  element("refused").textContent = response.ok ? "" : say("wrong_token");
  if (response.ok) open();
});
open();
