// An answer as people see it: text, what it cost, and the passages that it stands on, with the words it took marked.
import { make, markdown } from "./markdown.js";
import { number, say } from "./texts.js";

const WORD = /[\p{L}\p{N}]+/gu;
const fold = (word) => word.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const telling = (word) => word.length > 3 || /\p{N}/u.test(word);
const words = (text) => new Set((text.match(WORD) ?? []).map(fold).filter(telling));

function marked(passage, answer, question) {
  const taken = words(answer);
  for (const word of words(question)) taken.delete(word);
  const parts = [];
  let at = 0;
  for (const found of passage.matchAll(WORD)) {
    if (!taken.has(fold(found[0]))) continue;
    parts.push(passage.slice(at, found.index), make("mark", found[0]));
    at = found.index + found[0].length;
  }
  return [...parts, passage.slice(at)];
}

function source(one, answer, question, place) {
  const summary = make("summary", `[${place + 1}] ${one.title} `, make("small", `${say("score")} ${number(one.score, 2)}`));
  const passage = make("div", ...marked(one.passage, answer, question));
  passage.className = "passage";
  const link = make("a", say("whole"));
  link.href = `/passage?id=${encodeURIComponent(one.id)}`;
  link.target = "_blank";
  link.rel = "noopener";
  const details = make("details", summary, passage, make("p", link));
  details.addEventListener("toggle", () => {
    const first = passage.querySelector("mark");
    if (first) passage.scrollTop = first.offsetTop - passage.offsetTop - passage.clientHeight / 3;
  });
  details.open = place === 0;
  return details;
}

export class AnswerView {
  constructor(heading, note, lang) {
    this.title = make("h3", heading);
    if (note) this.title.append(" ", make("small", note));
    this.text = make("div");
    this.text.className = "text";
    if (lang) this.text.lang = lang;
    this.state = make("p", say("waiting"));
    this.state.className = "state";
    this.side = make("div");
    this.side.className = "sources";
    const body = make("div", make("div", this.text, this.state), this.side);
    body.className = "body";
    this.element = make("article", this.title, body);
    this.element.setAttribute("aria-busy", "true");
  }

  show(text) {
    this.text.replaceChildren(...markdown(text));
    this.state.textContent = say("writing");
  }

  // `hidden`: a vote is under way, and what tells the arms apart stays out of sight.
  finish(answer, question, hidden) {
    this.element.setAttribute("aria-busy", "false");
    this.text.replaceChildren(...markdown(answer.text));
    this.state.textContent = answer.finish === "length" ? say("cut") : "";
    this.reveal = () => {
      const { seconds, first_token_seconds: first, k } = answer.dyag;
      const cost = say("cost", number(seconds), number(first ?? seconds), answer.usage.total_tokens);
      this.state.textContent = [this.state.textContent, cost].filter(Boolean).join(" ");
      if (k === null) return;
      const found = answer.sources;
      this.side.replaceChildren(
        make("h4", found.length ? say("sources", found.length) : say("no_sources")),
        ...found.map((one, place) => source(one, answer.text, question, place)),
      );
      if (this.side.querySelector("mark")) this.side.append(make("p", make("small", say("marked"))));
    };
    if (!hidden) this.reveal();
  }

  end(message) {
    this.element.setAttribute("aria-busy", "false");
    this.state.textContent = message;
  }
}
