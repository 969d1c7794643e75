// The points of a table by two of its figures: what is pointed at is told, what is brushed stays in the table.
{
  const SVG = "http://www.w3.org/2000/svg", W = 860, H = 420, M = {left: 70, right: 20, top: 12, bottom: 46};
  const figure = document.querySelector("#scatter");
  const table = document.getElementById(figure.dataset.for);
  const [drawing, said] = [figure.querySelector("svg"), figure.querySelector("output")];
  const selects = {x: figure.querySelector("select[name=x]"), y: figure.querySelector("select[name=y]")};
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows];
  const units = new Map(JSON.parse(figure.dataset.units));
  const titled = (column) => heads[column] + (units.get(heads[column]) ? ` [${units.get(heads[column])}]` : "");
  const number = (row, column) => Number(row.cells[column].dataset.value ?? NaN);
  const figures = heads.map((head, column) => column)
    .filter((column) => column > 0 && rows.some((row) => Number.isFinite(number(row, column))));
  for (const [axis, select] of Object.entries(selects)) {
    for (const column of figures) select.add(new Option(titled(column), String(column)));
    const wanted = heads.indexOf(figure.dataset[axis]);
    select.value = String(figures.includes(wanted) ? wanted : figures[0]);
  }
  const fits = heads.indexOf("satisfies"), front = heads.indexOf("on the front");
  const make = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    drawing.append(made);
    return made;
  };
  let points = [], at = -1, brush = null;

  const scale = (values, from, to) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const logs = low > 0 && high / low > 20, f = logs ? Math.log10 : (value) => value;
    const room = 0.05 * (f(high) - f(low)) || 1, [a, b] = [f(low) - room, f(high) + room];
    const place = (value) => from + (to - from) * (f(value) - a) / (b - a);
    const ticks = [];
    if (logs) {
      for (let power = Math.floor(a); power <= b; power += 1) {
        for (const first of [1, 2, 5]) ticks.push(first * 10 ** power);
      }
    } else {
      const step = [1, 2, 5, 10].map((one) => one * 10 ** Math.floor(Math.log10((b - a) / 5)))
        .find((one) => (b - a) / one <= 7);
      for (let value = Math.ceil(a / step) * step; value <= b; value += step) ticks.push(value);
    }
    return {place, ticks: ticks.filter((tick) => f(tick) >= a && f(tick) <= b)};
  };
  const short = (value) => String(Number(value.toPrecision(4)));

  const tell = (place) => {
    points[at]?.mark.classList.remove("told");
    at = place;
    const point = points[at];
    if (!point) return;
    point.mark.classList.add("told");
    said.textContent = heads
      .map((head, column) => [head, point.row.cells[column].textContent])
      .filter(([, text], column) => text !== "" && (column < front && column !== 1))
      .map(([head, text]) => `${head} ${text}`).join(" · ");
  };

  const keep = () => {
    let kept = 0;
    for (const {row, mark, x, y} of points) {
      const inside = !brush || (x >= brush.x0 && x <= brush.x1 && y >= brush.y0 && y <= brush.y1);
      row.hidden = !inside;
      mark.classList.toggle("out", !inside);
      kept += inside;
    }
    const drawn = new Set(points.map((point) => point.row));
    for (const row of rows) if (!drawn.has(row)) row.hidden = Boolean(brush);
    said.textContent = brush ? `${kept} of ${points.length} points are brushed; the table has these alone` : "";
  };

  const draw = () => {
    drawing.replaceChildren();
    at = -1;
    brush = null;
    const [cx, cy] = [Number(selects.x.value), Number(selects.y.value)];
    const known = rows.filter((row) => Number.isFinite(number(row, cx)) && Number.isFinite(number(row, cy)));
    if (known.length === 0) return;
    const sx = scale(known.map((row) => number(row, cx)), M.left, W - M.right);
    const sy = scale(known.map((row) => number(row, cy)), H - M.bottom, M.top);
    for (const tick of sx.ticks) {
      make("line", {x1: sx.place(tick), x2: sx.place(tick), y1: M.top, y2: H - M.bottom, class: "grid"});
      make("text", {x: sx.place(tick), y: H - M.bottom + 16, "text-anchor": "middle"}, short(tick));
    }
    for (const tick of sy.ticks) {
      make("line", {x1: M.left, x2: W - M.right, y1: sy.place(tick), y2: sy.place(tick), class: "grid"});
      make("text", {x: M.left - 6, y: sy.place(tick) + 4, "text-anchor": "end"}, short(tick));
    }
    make("text", {x: (M.left + W - M.right) / 2, y: H - 8, "text-anchor": "middle"}, titled(cx));
    make("text", {x: 14, y: 12 + M.top, transform: `rotate(-90 14 ${H / 2})`, dy: H / 2 - 24, "text-anchor": "middle"}, titled(cy));
    points = known.map((row) => {
      const [x, y] = [sx.place(number(row, cx)), sy.place(number(row, cy))];
      const kind = row.cells[front].textContent ? "front" : row.cells[fits].textContent === "yes" ? "fits" : "misses";
      const size = kind === "front" ? 6 : 4;
      const mark = kind === "front"
        ? make("rect", {x: x - size, y: y - size, width: 2 * size, height: 2 * size, transform: `rotate(45 ${x} ${y})`, class: `point ${kind}`})
        : make("circle", {cx: x, cy: y, r: size, class: `point ${kind}`});
      return {row, mark, x, y};
    });
    for (const point of points) if (point.mark.classList.contains("front")) drawing.append(point.mark);
    keep();
  };

  const here = (event) => {
    const box = drawing.getBoundingClientRect();
    return [(event.clientX - box.left) * W / box.width, (event.clientY - box.top) * H / box.height];
  };
  let from = null, frame = null;
  drawing.addEventListener("pointerdown", (event) => {
    from = here(event);
    frame?.remove();
    frame = make("rect", {class: "brush", x: from[0], y: from[1], width: 0, height: 0});
    drawing.setPointerCapture(event.pointerId);
  });
  drawing.addEventListener("pointermove", (event) => {
    const [x, y] = here(event);
    if (from) {
      const box = {x0: Math.min(x, from[0]), x1: Math.max(x, from[0]), y0: Math.min(y, from[1]), y1: Math.max(y, from[1])};
      for (const [key, value] of [["x", box.x0], ["y", box.y0], ["width", box.x1 - box.x0], ["height", box.y1 - box.y0]]) frame.setAttribute(key, value);
      brush = box;
      return;
    }
    let near = -1, least = 144;
    points.forEach((point, place) => {
      const far = (point.x - x) ** 2 + (point.y - y) ** 2;
      if (far < least) [near, least] = [place, far];
    });
    if (near >= 0) tell(near);
  });
  drawing.addEventListener("pointerup", () => {
    const small = !brush || (brush.x1 - brush.x0 < 4 && brush.y1 - brush.y0 < 4);
    if (small) {
      frame?.remove();
      brush = null;
    }
    from = null;
    keep();
  });
  drawing.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      frame?.remove();
      brush = null;
      keep();
    }
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (step === undefined || points.length === 0) return;
    event.preventDefault();
    tell((at + step + points.length) % points.length);
  });
  for (const select of Object.values(selects)) select.addEventListener("change", draw);
  draw();
}
