"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const decode = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  };
  const made = (tag, text) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text; // never markup
    return element;
  };
  const x = decode(data.x), y = decode(data.y), codes = decode(data.codes);
  const n = x.length, isCategorical = data.names.length > 0;
  const label = (i) => (isCategorical ? data.names[codes[i]] : data.labels[i]);
  const shownLabel = (i) => (data.labels ? data.labels[i] : label(i));
  const colorOf = (i) => {
    const last = data.colors.length - 1;
    return data.colors[isCategorical ? codes[i] : Math.round(codes[i] * last)];
  };
  const MOST_ROWS = 1000;

  // --- what stands there ---
  find("title").textContent = data.title;
  find("about").textContent = data.about;
  find("legend-title").textContent = data.coloring;
  find("column").textContent = data.coloring;

  // --- the map ---
  const canvas = find("canvas"), stage = find("stage");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let plot;
  try {
    plot = scatterplot.createScatterplot({
      canvas,
      width: "auto",
      height: "auto",
      backgroundColor: css("--ground"),
      colorBy: "valueA",
      pointColor: data.colors,
      pointColorActive: css("--ink"),
      pointSize: n > 50000 ? 2 : n > 10000 ? 3 : n > 1000 ? 5 : 8,
      pointSizeSelected: 2,
      pointOutlineWidth: 2,
      opacity: n > 50000 ? 0.45 : n > 10000 ? 0.65 : 0.85,
      lassoColor: css("--accent"),
      lassoMinDelay: 0,
      lassoOnLongPress: false,
      deselectOnEscape: true,
      actionKeyMap: { lasso: "shift" },
    });
  } catch (error) {
    find("failure").hidden = false;
    find("failure").textContent = `This browser draws no WebGL, which the map needs: ${error.message}`;
    throw error;
  }
  const points = { x, y, valueA: codes };
  const everything = { x: -1, y: -1, width: 2, height: 2 };
  const drawn = plot
    .draw(points, { zDataType: isCategorical ? "categorical" : "continuous" })
    .then(() => plot.zoomToArea(everything))
    .then(() => {
      placeLabels();
      document.body.dataset.ready = String(n);
    });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    plot.set({ backgroundColor: css("--ground"), pointColorActive: css("--ink") });
  });
  find("home").addEventListener("click", () => plot.zoomToArea(everything, { transition: true }));
  const modes = { move: "panZoom", lasso: "lasso" };
  for (const [id, mode] of Object.entries(modes)) {
    find(id).addEventListener("click", () => {
      plot.set({ mouseMode: mode });
      for (const other of Object.keys(modes)) find(other).ariaPressed = String(other === id);
    });
  }

  // --- names of clusters on the map, the largest first, none over another ---
  const labels = find("labels");
  const anchors = data.anchors.map(([code, point]) => [point, labels.appendChild(made("span", data.names[code])), code]);
  const placeLabels = () => {
    const taken = [];
    for (const [point, span, code] of anchors) {
      const place = plot.getScreenPosition(point);
      span.hidden = !place || (wanted.size > 0 && !wanted.has(code));
      if (span.hidden) continue;
      span.style.left = `${place[0]}px`;
      span.style.top = `${place[1]}px`;
      const width = span.offsetWidth / 2 + 4, height = span.offsetHeight / 2 + 1;
      const left = Math.min(Math.max(place[0], width), stage.clientWidth - width);
      if (left !== place[0] && Math.abs(left - place[0]) < width) span.style.left = `${left}px`;
      const box = [left - width, place[1] - height, left + width, place[1] + height];
      span.hidden = taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1]);
      if (!span.hidden) taken.push(box);
    }
  };
  plot.subscribe("view", () => placeLabels());
  new ResizeObserver(() => requestAnimationFrame(placeLabels)).observe(stage);

  // --- the text under the pointer ---
  const tip = find("tip");
  plot.subscribe("pointOver", (i) => {
    const [left, top] = plot.getScreenPosition(i);
    find("tip-text").textContent = data.texts[i];
    find("tip-label").textContent = shownLabel(i);
    find("tip-label").style.setProperty("--dot", colorOf(i));
    tip.hidden = false;
    const right = left > stage.clientWidth / 2, below = top > stage.clientHeight / 2;
    tip.style.transform =
      `translate(${Math.round(right ? left - tip.offsetWidth - 14 : left + 14)}px, ` +
      `${Math.round(below ? top - tip.offsetHeight - 14 : top + 14)}px)`;
  });
  plot.subscribe("pointOut", () => { tip.hidden = true; });

  // --- the legend, and finding ---
  const legend = find("legend"), wanted = new Set();
  const filter = () => {
    const part = find("find").value.toLowerCase();
    legend.classList.toggle("some", wanted.size > 0);
    if (!part && !wanted.size) {
      plot.unfilter();
    } else {
      const kept = [];
      for (let i = 0; i < n; i++) {
        if ((!wanted.size || wanted.has(codes[i])) && (!part || data.texts[i].toLowerCase().includes(part))) kept.push(i);
      }
      plot.filter(kept);
      find("about").textContent = `${kept.length.toLocaleString("en")} of ${data.about}`;
    }
    if (!part && !wanted.size) find("about").textContent = data.about;
    placeLabels();
  };
  find("find").addEventListener("input", filter);
  if (isCategorical) {
    const counts = new Array(data.names.length).fill(0);
    for (const code of codes) counts[code]++;
    data.names.forEach((name, code) => {
      const button = legend.appendChild(made("li")).appendChild(made("button"));
      button.ariaPressed = "false";
      button.appendChild(made("i")).style.setProperty("--dot", data.colors[code]);
      button.appendChild(made("b", name));
      button.appendChild(made("small", counts[code].toLocaleString("en")));
      button.addEventListener("click", () => {
        if (!wanted.delete(code)) wanted.add(code);
        button.ariaPressed = String(wanted.has(code));
        filter();
      });
    });
  } else {
    const scale = legend.appendChild(made("li"));
    scale.className = "scale";
    scale.style.background = `linear-gradient(90deg, ${data.colors.join(", ")})`;
    const ends = legend.appendChild(made("li"));
    ends.className = "ends soft";
    ends.append(made("span", data.low), made("span", data.high));
  }

  // --- the table of what is chosen ---
  let chosen = [];
  const show = (indices) => {
    chosen = [...indices].sort((a, b) => a - b);
    find("chosen").hidden = !chosen.length;
    const more = chosen.length > MOST_ROWS ? `, the first ${MOST_ROWS.toLocaleString("en")} shown` : "";
    find("count").textContent = `${chosen.length.toLocaleString("en")} chosen${more}`;
    find("rows").replaceChildren(
      ...chosen.slice(0, MOST_ROWS).map((i) => {
        const row = made("tr");
        row.append(made("td", i + 1), made("td", data.texts[i]), made("td", shownLabel(i)));
        return row;
      }),
    );
  };
  plot.subscribe("select", ({ points }) => show(points));
  plot.subscribe("deselect", () => show([]));
  find("close").addEventListener("click", () => plot.deselect());
  find("save").addEventListener("click", () => {
    // a field that begins like a formula is one to spreadsheets, unless it is made text
    const field = (value) => `"${String(value).replace(/^(?=[=+\-@\t\r])/, "'").replaceAll('"', '""')}"`;
    const lines = chosen.map((i) => [i + 1, data.texts[i], shownLabel(i)].map(field).join(","));
    const content = [["row", "text", data.coloring].map(field).join(","), ...lines].join("\r\n");
    const link = made("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", content], { type: "text/csv" }));
    link.download = "chosen.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  // --- fingers: one is the mouse, two are its wheel ---
  const asMouse = (type, touch) =>
    canvas.dispatchEvent(new MouseEvent(type, {
      bubbles: true, cancelable: true, view: window, button: 0, buttons: type === "mouseup" ? 0 : 1,
      clientX: touch.clientX, clientY: touch.clientY,
    }));
  let apart = 0;
  const spread = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  const onTouch = (event) => {
    event.preventDefault();
    const { touches, changedTouches } = event;
    if (touches.length === 2) {
      const now = spread(touches);
      if (apart) {
        canvas.dispatchEvent(new WheelEvent("wheel", {
          bubbles: true, cancelable: true, deltaY: (apart - now) * 3,
          clientX: (touches[0].clientX + touches[1].clientX) / 2,
          clientY: (touches[0].clientY + touches[1].clientY) / 2,
        }));
      }
      apart = now;
    } else if (event.type === "touchstart") {
      asMouse("mouseenter", changedTouches[0]);
      asMouse("mousemove", changedTouches[0]);
      asMouse("mousedown", changedTouches[0]);
    } else if (event.type === "touchmove") {
      if (!apart) asMouse("mousemove", changedTouches[0]);
    } else {
      if (!touches.length) apart = 0;
      asMouse("mouseup", changedTouches[0]);
      asMouse("click", changedTouches[0]);
    }
  };
  for (const type of ["touchstart", "touchmove", "touchend"]) {
    canvas.addEventListener(type, onTouch, { passive: false });
  }
})();
