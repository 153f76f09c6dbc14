// The vote on two answers whose arms are hidden until it is saved.
import { make } from "./markdown.js";
import { say } from "./texts.js";

const CHOICES = ["left", "right", "same", "wrong"];

export function drawn(names) {
  const rest = [...names];
  const draw = () => rest.splice(crypto.getRandomValues(new Uint32Array(1))[0] % rest.length, 1)[0];
  return [draw(), draw()];
}

export function askForVote(form, question, sides, onSaved) {
  const choices = CHOICES.map((value) => {
    const radio = make("input");
    Object.assign(radio, { type: "radio", name: "choice", value, required: true });
    return make("label", radio, " ", say(value));
  });
  const right = make("input");
  right.maxLength = 5000;
  right.autocomplete = "off";
  const state = make("p");
  state.setAttribute("role", "status");
  const save = make("button", say("save_vote"));
  form.replaceChildren(
    make("fieldset", make("legend", say("vote")), ...choices),
    make("label", say("right_answer"), " ", right),
    save,
    state,
  );
  form.hidden = false;
  form.onsubmit = async (event) => {
    event.preventDefault();
    save.disabled = true;
    const [left, other] = sides.map(({ arm, answer }) => ({ arm, answer: answer.text }));
    const choice = new FormData(form).get("choice");
    try {
      const response = await fetch("/api/votes", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ question, left, right: other, choice, right_answer: right.value.trim() || null }),
      });
      if (!response.ok) throw new Error((await response.json()).error.message);
      form.querySelector("fieldset").disabled = true;
      right.disabled = true;
      state.textContent = say("saved", left.arm, other.arm);
      onSaved(right.value.trim());
    } catch (error) {
      save.disabled = false;
      state.textContent = `${say("not_saved")} ${error.message}`;
    }
  };
}
