// The heat map of sentences: a table of buttons, so that keys and screen readers can read it.

const place = document.getElementById("similarity");
const pair = document.getElementById("pair");
const MOST = 24;

export function showSimilarity({ sentences, similarity }) {
  pair.textContent = "";
  const shown = sentences.slice(0, MOST);
  const hint = document.getElementById("similarity-hint");
  hint.textContent = sentences.length > MOST
    ? `Cosine of their vectors; the first ${MOST} of ${sentences.length} sentences.`
    : "Cosine of their vectors. Choose a cell to read the pair.";
  if (!shown.length) {
    place.replaceChildren();
    return;
  }
  const table = document.createElement("table");
  table.className = "heat";
  const head = table.createTHead().insertRow();
  head.append(header("", "col"));
  shown.forEach((_, column) => head.append(header(column + 1, "col")));
  const body = table.createTBody();
  shown.forEach((_, row) => {
    const line = body.insertRow();
    line.append(header(row + 1, "row"));
    shown.forEach((__, column) => {
      line.insertCell().append(cell(sentences, similarity[row][column], row, column, shown.length));
    });
  });
  place.replaceChildren(table);
}

function header(text, scope) {
  const made = document.createElement(text === "" ? "td" : "th");
  made.textContent = text;
  if (text !== "") made.scope = scope;
  return made;
}

function cell(sentences, cosine, row, column, count) {
  const button = document.createElement("button");
  button.type = "button";
  const strength = Math.max(cosine, 0) ** 1.5;
  button.style.setProperty("--cosine", (0.05 + 0.95 * strength).toFixed(3));
  button.classList.toggle("strong", strength > 0.55);
  button.textContent = count <= 9 ? cosine.toFixed(2) : "";
  button.setAttribute("aria-label", `Sentences ${row + 1} and ${column + 1}: ${cosine.toFixed(2)}`);
  const read = () => {
    pair.textContent =
      `${cosine.toFixed(3)}: “${sentences[row].text}” and “${sentences[column].text}”`;
  };
  button.addEventListener("mouseenter", read);
  button.addEventListener("focus", read);
  button.addEventListener("click", read);
  return button;
}
