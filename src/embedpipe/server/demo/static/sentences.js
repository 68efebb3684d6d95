// The text as the pipeline sees it: sentences, tokens, the pieces in them, and what was cut off.

const sentences = document.getElementById("sentences");
const nearest = document.getElementById("nearest");

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Pieces as they are spelled, or the token where they are not: `[UNK]`, other letters.
function spelled(token) {
  const bare = token.pieces.map((piece) => piece.replace(/^(##|\u2581)/, "")).filter(Boolean);
  if (bare.join("").length !== token.text.length) return bare.length > 1 ? bare : [token.text];
  let begin = 0;
  return bare.map((piece) => token.text.slice(begin, (begin += piece.length)));
}

function tokenButton(token, number, choose) {
  const button = element("button", token.cut ? "token cut" : "token");
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  button.title = token.pieces.join(" ") || "no piece";
  if (token.cut) button.title += " (cut off)";
  spelled(token).forEach((part, place) => {
    if (place) button.append(element("i", "", "·"));
    button.append(part);
  });
  button.addEventListener("click", () => choose(number));
  return button;
}

export function showSentences({ sentences: found, tokens }) {
  nearest.replaceChildren();
  const buttons = [];
  const choose = (number) => {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", "false");
      button.style.removeProperty("--near");
    }
    buttons[number].setAttribute("aria-pressed", "true");
    for (const [other, cosine] of tokens[number].nearest) {
      buttons[other].style.setProperty("--near", Math.max(0.45 * cosine, 0.08).toFixed(2));
    }
    nearest.replaceChildren(described(tokens, number));
  };
  tokens.forEach((token, number) => buttons.push(tokenButton(token, number, choose)));
  const rows = found.map((sentence, number) => {
    const row = element("div", "sentence");
    const line = element("div", "tokens");
    tokens.forEach((token, place) => {
      if (token.sentence === number) line.append(buttons[place]);
    });
    const count = `${sentence.pieces} pieces${sentence.cut ? ", cut" : ""}`;
    row.append(element("span", "number", String(number + 1)), line);
    row.append(element("span", sentence.cut ? "count cut" : "count", count));
    return row;
  });
  sentences.replaceChildren(...rows);
}

function described(tokens, number) {
  const token = tokens[number];
  const box = element("div");
  const where = `sentence ${token.sentence + 1}, ${token.begin}–${token.end}`;
  const pieces = token.pieces.join(" ") || "no piece";
  box.append(element("p", "hint", `“${token.text}” (${where}): ${pieces}`));
  if (!token.nearest.length) {
    box.append(element("p", "", "It has no vector: it lies behind the cut, or has no piece."));
    return box;
  }
  const list = element("ol");
  for (const [other, cosine] of token.nearest) {
    const item = element("li", "", `${tokens[other].text} `);
    item.append(element("b", "", cosine.toFixed(2)));
    item.append(` (sentence ${tokens[other].sentence + 1})`);
    list.append(item);
  }
  box.append(list);
  return box;
}
