"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const made = (tag, text, parent) => {
    const element = document.createElement(tag);
    element.textContent = text; // never markup
    return parent ? parent.appendChild(element) : element;
  };
  const AROUND = 90; // characters on either side of a word
  // Places count characters, of which some are two of JavaScript's units.
  const characters = (text) => Array.from(text);
  const sentence = characters(data.sentence);
  const near = (score) => String(Math.max(0, Math.min(score, 1)));

  const show = (index) => {
    buttons.forEach((button, i) => { button.ariaPressed = String(i === index); });
    const word = data.words[index];
    find("of").textContent = `nearest to “${sentence.slice(word.begin, word.end).join("")}”`;
    find("neighbors").replaceChildren(...word.neighbors.map(([score, text, begin, end]) => {
      const item = made("li", ""), all = characters(text);
      const value = made("div", score.toFixed(3), item);
      value.className = "score";
      value.style.setProperty("--near", near(score));
      let first = Math.max(begin - AROUND, 0), last = Math.min(end + AROUND, all.length);
      while (first > 0 && first < begin && all[first - 1] !== " ") first++;
      while (last < all.length && last > end && all[last] !== " ") last--;
      const line = made("p", "", item);
      line.append((first ? "… " : "") + all.slice(first, begin).join(""));
      made("mark", all.slice(begin, end).join(""), line);
      line.append(all.slice(end, last).join("") + (last < all.length ? " …" : ""));
      return item;
    }));
  };

  let done = 0;
  const buttons = data.words.map((word, index) => {
    find("sentence").append(sentence.slice(done, word.begin).join(""));
    const button = made("button", sentence.slice(word.begin, word.end).join(""), find("sentence"));
    button.style.setProperty("--near", near(word.neighbors.length ? word.neighbors[0][0] : 0));
    button.addEventListener("click", () => show(index));
    done = word.end;
    return button;
  });
  find("sentence").append(sentence.slice(done).join(""));
  // the word with the nearest neighbor first, of those that are words
  const letters = (word) => /\p{L}{3}/u.test(sentence.slice(word.begin, word.end).join(""));
  let best = 0;
  data.words.forEach((word, i) => {
    const score = (each) => (letters(each) ? 1 : 0) + (each.neighbors[0]?.[0] ?? 0);
    if (score(word) > score(data.words[best])) best = i;
  });
  if (data.words.length) show(best);
  document.body.dataset.ready = String(data.words.length);
})();
