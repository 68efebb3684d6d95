// The map of lines on a canvas: drag to move, wheel to come nearer, arrow keys from point to point.

const canvas = document.getElementById("map");
const reading = document.getElementById("map-reading");
const view = { scale: 1, x: 0, y: 0 };
let points = [];
let lines = [];
let chosen = -1;
let drag = null;

export function showMap(found, of) {
  points = found;
  lines = of;
  chosen = -1;
  Object.assign(view, { scale: 1, x: 0, y: 0 });
  reading.textContent = points.length
    ? `${points.length} lines. Point at one to read it.`
    : "Three lines or more make a map.";
  draw();
}

function place([x, y]) {
  const { width, height } = canvas.getBoundingClientRect();
  const half = 0.44 * view.scale;
  return [(0.5 + half * (x - view.x)) * width, (0.5 - half * (y - view.y)) * height];
}

function draw() {
  const { width, height } = canvas.getBoundingClientRect();
  const dots = window.devicePixelRatio || 1;
  canvas.width = width * dots;
  canvas.height = height * dots;
  const pen = canvas.getContext("2d");
  pen.scale(dots, dots);
  const style = getComputedStyle(document.documentElement);
  const size = points.length > 300 ? 3 : 5;
  points.forEach((point, number) => {
    const [x, y] = place(point);
    const hue = (Math.atan2(point[1], point[0]) * 180) / Math.PI + 180;
    pen.fillStyle = `hsl(${hue.toFixed(0)} 60% 50% / 0.8)`;
    pen.beginPath();
    pen.arc(x, y, number === chosen ? size + 3 : size, 0, 2 * Math.PI);
    pen.fill();
  });
  if (chosen < 0) return;
  const [x, y] = place(points[chosen]);
  pen.strokeStyle = style.getPropertyValue("--ink");
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(x, y, size + 3, 0, 2 * Math.PI);
  pen.stroke();
}

function choose(number) {
  if (number === chosen) return;
  chosen = number;
  reading.textContent = number < 0 ? "" : `${number + 1}: ${lines[number]}`;
  draw();
}

function nearestTo(event) {
  const box = canvas.getBoundingClientRect();
  let best = -1;
  let least = 24 ** 2;
  points.forEach((point, number) => {
    const [x, y] = place(point);
    const distance = (x - event.clientX + box.left) ** 2 + (y - event.clientY + box.top) ** 2;
    if (distance < least) [best, least] = [number, distance];
  });
  return best;
}

canvas.addEventListener("pointermove", (event) => {
  if (!drag) {
    choose(nearestTo(event));
    return;
  }
  const { width, height } = canvas.getBoundingClientRect();
  const half = 0.44 * view.scale;
  view.x = drag.viewX - (event.clientX - drag.x) / (half * width);
  view.y = drag.viewY + (event.clientY - drag.y) / (half * height);
  draw();
});
canvas.addEventListener("pointerdown", (event) => {
  drag = { x: event.clientX, y: event.clientY, viewX: view.x, viewY: view.y };
  canvas.setPointerCapture(event.pointerId);
  choose(nearestTo(event));
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, () => {
    drag = null;
  });
}
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  view.scale = Math.min(Math.max(view.scale * Math.exp(-event.deltaY / 400), 1), 40);
  draw();
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  if (!(event.key in steps) || !points.length) return;
  event.preventDefault();
  choose((chosen + steps[event.key] + points.length) % points.length);
});
window.addEventListener("resize", draw);
document.addEventListener("theme", draw);
