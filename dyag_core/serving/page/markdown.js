// The Markdown that models write, as elements. Text is only ever text: no HTML, no links, no pictures.
const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|__(.+?)__|\*([^*\s][^*]*?)\*/;
const ITEM = /^\s*(?:[-*+]|(\d{1,3})[.)])\s+(.*)$/;

export function make(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

function inline(text) {
  const parts = [];
  for (let found; (found = INLINE.exec(text)); text = text.slice(found.index + found[0].length)) {
    const [code, bold, strong, emphasis] = found.slice(1);
    parts.push(text.slice(0, found.index));
    if (code !== undefined) parts.push(make("code", code));
    else if (emphasis !== undefined) parts.push(make("em", ...inline(emphasis)));
    else parts.push(make("strong", ...inline(bold ?? strong)));
  }
  return [...parts, text];
}

function lines(texts) {
  return texts.flatMap((text, at) => (at ? [make("br"), ...inline(text)] : inline(text)));
}

export function markdown(text) {
  const blocks = [];
  const waiting = text.split("\n");
  while (waiting.length) {
    const line = waiting[0];
    const fence = /^\s*(```|~~~)/.exec(line);
    if (!line.trim()) {
      waiting.shift();
    } else if (fence) {
      waiting.shift();
      const end = waiting.findIndex((one) => one.trim().startsWith(fence[1]));
      const code = waiting.splice(0, end < 0 ? waiting.length : end);
      waiting.shift();
      blocks.push(make("pre", make("code", code.join("\n"))));
    } else if (/^#{1,6}\s/.test(line)) {
      blocks.push(make("p", make("strong", ...inline(waiting.shift().replace(/^#+\s+/, "")))));
    } else if (ITEM.test(line)) {
      const ordered = ITEM.exec(line)[1];
      const list = make(ordered ? "ol" : "ul");
      if (ordered) list.start = Number(ordered);
      while (waiting.length && ITEM.test(waiting[0]) && !ITEM.exec(waiting[0])[1] === !ordered)
        list.append(make("li", ...inline(ITEM.exec(waiting.shift())[2])));
      blocks.push(list);
    } else {
      const end = waiting.findIndex((one) => !one.trim() || ITEM.test(one) || /^\s*(```|~~~)|^#{1,6}\s/.test(one));
      blocks.push(make("p", ...lines(waiting.splice(0, end < 0 ? waiting.length : end))));
    }
  }
  return blocks;
}
