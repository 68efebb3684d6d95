"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const n = data.texts.length;
  const shown = (value, digits) => value.toFixed(digits).replace(/^-(0\.0*)$/, "$1");
  const bytes = Uint8Array.from(atob(data.cosines), (c) => c.charCodeAt(0));
  const cosines = new Float32Array(bytes.buffer);
  const low = cosines.reduce((a, b) => Math.min(a, b), 0.999);
  const numbers = Array.from({ length: n }, (_, i) => i);
  let order = numbers, over = null;

  find("title").textContent = data.title;
  find("about").textContent = `${n} texts, cosine of each to each`;
  find("low").textContent = shown(low, 2);
  find("high").textContent = "1.00";

  const names = find("names"), canvas = find("canvas"), context = canvas.getContext("2d");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const channels = (color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
  const at = (row, column) => cosines[order[row] * n + order[column]];
  let cell = 1;

  const draw = () => {
    const width = find("grid").clientWidth;
    cell = Math.max(Math.min(width / n, 56), 1);
    const side = cell * n, scale = devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(side * scale);
    canvas.style.width = canvas.style.height = `${side}px`;
    context.scale(scale, scale);
    const from = channels(css("--from")), to = channels(css("--to")), gap = cell > 12 ? 1 : 0;
    context.font = `${Math.min(13, cell * 0.33)}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let row = 0; row < n; row++) {
      for (let column = 0; column < n; column++) {
        const value = at(row, column), part = (value - low) / (1 - low);
        const rgb = from.map((c, i) => Math.round(c + (to[i] - c) * part));
        context.fillStyle = `rgb(${rgb})`;
        context.fillRect(column * cell, row * cell, cell - gap, cell - gap);
        if (cell >= 30) {
          const light = rgb[0] * 0.3 + rgb[1] * 0.6 + rgb[2] * 0.1 > 140;
          context.fillStyle = light ? "#0d1420" : "#f4f7fb";
          context.fillText(shown(value, 2), (column + 0.5) * cell, (row + 0.5) * cell);
        }
      }
    }
    if (over) {
      context.strokeStyle = css("--ink");
      context.lineWidth = 2;
      context.strokeRect(over[1] * cell + 1, over[0] * cell + 1, cell - 2 - gap, cell - 2 - gap);
    }
    names.style.fontSize = `${Math.max(Math.min(cell * 0.42, 14), 2)}px`;
    names.replaceChildren(...order.map((text, row) => {
      const item = document.createElement("li");
      item.style.height = `${cell}px`;
      item.style.lineHeight = `${cell}px`;
      item.classList.toggle("on", over !== null && over.includes(row));
      item.appendChild(document.createElement("span")).textContent = data.texts[text]; // never markup
      item.title = data.texts[text];
      return item;
    }));
  };

  const point = (row, column) => {
    over = [row, column];
    const value = document.createElement("b");
    value.textContent = shown(at(row, column), 4);
    const texts = document.createElement("span");
    texts.textContent = `  ${data.texts[order[row]]}  ·  ${data.texts[order[column]]}`;
    find("pair").replaceChildren(value, texts);
    draw();
  };
  const onPointer = (event) => {
    const box = canvas.getBoundingClientRect();
    const inside = (value) => Math.min(Math.max(Math.floor(value / cell), 0), n - 1);
    const place = [inside(event.clientY - box.top), inside(event.clientX - box.left)];
    if (!over || place[0] !== over[0] || place[1] !== over[1]) point(...place);
  };
  canvas.addEventListener("pointermove", onPointer);
  canvas.addEventListener("pointerdown", onPointer);
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const from = over ?? [0, 0];
    point(...from.map((value, i) => Math.min(Math.max(value + step[i], 0), n - 1)));
  });
  const choose = (id, wanted) => find(id).addEventListener("click", () => {
    order = wanted;
    over = null;
    for (const other of ["given", "alike"]) find(other).ariaPressed = String(other === id);
    find("pair").textContent = hint;
    draw();
  });
  choose("given", numbers);
  choose("alike", data.order);
  const hint = "Point at a field to see both texts.";
  find("pair").textContent = hint;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(draw).observe(find("grid"));
  draw();
  document.body.dataset.ready = String(n);
})();
