// One answer of one arm, streamed from this server's own API.
export async function ask(model, question, { signal, onText }) {
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: question }],
      stream: true,
      stream_options: { include_usage: true },
    }),
    signal,
  });
  if (!response.ok) throw new Error((await response.json()).error.message);
  const answer = { text: "", sources: [], finish: null, usage: null, dyag: null };
  for await (const event of events(response.body)) {
    if (event.error) throw new Error(event.error.message);
    if (event.usage) answer.usage = event.usage;
    if (event.dyag) answer.dyag = event.dyag;
    const choice = event.choices[0];
    if (!choice) continue;
    answer.finish = choice.finish_reason ?? answer.finish;
    if (choice.delta.content) onText((answer.text += choice.delta.content));
  }
  if (!answer.finish) throw new Error("the answer broke off");
  answer.sources = answer.dyag?.sources ?? [];
  return answer;
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (let part; !(part = await reader.read()).done; ) {
    const frames = (waiting + part.value).split("\n\n");
    waiting = frames.pop();
    for (const frame of frames)
      if (frame.startsWith("data: ") && frame !== "data: [DONE]") yield JSON.parse(frame.slice(6));
  }
}
