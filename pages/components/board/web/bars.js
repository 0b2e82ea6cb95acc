// Rows are made once and then changed, so that focus stays and a bar grows from where it was.
const KEYS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
const boards = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const board = boards.get(parentElement) ?? new Bars(parentElement.querySelector(".bars"));
  boards.set(parentElement, board);
  board.tell = (name) => setTriggerValue("chosen", name);
  board.show(data);
}

class Bars {
  constructor(root) {
    this.root = root;
    this.rows = new Map();
    this.asked = []; // clicks that Python has not answered yet
    root.addEventListener("keydown", (event) => this.press(event));
    root.addEventListener("focusin", (event) => this.rove(event.target));
  }

  get chosen() {
    return this.asked.at(-1) ?? this.data.chosen;
  }

  show(data) {
    this.settle(data);
    this.data = data;
    const names = data.rows.map((row) => row.name);
    const had = [...this.root.children].map((row) => row.dataset.name);
    for (const row of data.rows) this.draw(row);
    if (names.join() !== had.join()) this.order(names);
    this.mark();
  }

  /** What Python says holds, unless it has not come to the last click yet. */
  settle(data) {
    const answered = this.asked.lastIndexOf(data.chosen);
    const other = JSON.stringify(data.rows) !== JSON.stringify(this.data?.rows);
    if (answered >= 0) this.asked.splice(0, answered + 1);
    else if (other || data.chosen !== this.data.chosen) this.asked = [];
  }

  draw({ name, colour, width, text }) {
    if (!this.rows.has(name)) this.rows.set(name, this.make(name));
    const row = this.rows.get(name);
    const predicted = name === this.data.predicted;
    row.classList.toggle("predicted", predicted);
    row.style.setProperty("--colour", colour);
    row.style.setProperty("--width", `${width}%`);
    row.querySelector(".share").textContent = text;
    row.querySelector(".spoken").textContent = predicted ? ", recognised" : "";
  }

  make(name) {
    const row = document.createElement("button");
    row.type = "button";
    row.className = "row";
    row.dataset.name = name;
    row.setAttribute("role", "radio");
    row.innerHTML =
      '<span class="mark" aria-hidden="true"></span><span class="name"></span><span class="track" aria-hidden="true"><span class="bar"></span></span>' +
      '<span class="share"></span><span class="why" aria-hidden="true">why?</span><span class="spoken"></span>';
    row.querySelector(".name").textContent = name;
    row.addEventListener("click", () => this.choose(name));
    return row;
  }

  /** Moving a row takes its focus away: give it back. */
  order(names) {
    const focused = this.root.getRootNode().activeElement;
    this.root.replaceChildren(...names.map((name) => this.rows.get(name)));
    if (this.root.contains(focused)) focused.focus({ preventScroll: true });
  }

  mark() {
    for (const [name, row] of this.rows) row.setAttribute("aria-checked", String(name === this.chosen));
    const focused = this.root.getRootNode().activeElement;
    this.rove(this.root.contains(focused) ? focused : this.rows.get(this.chosen));
  }

  /** One row is reached by the Tab key; arrows lead to the others. */
  rove(to) {
    for (const row of this.rows.values()) row.tabIndex = row === to ? 0 : -1;
  }

  choose(name) {
    if (name === this.chosen) return;
    this.asked.push(name);
    this.mark();
    this.tell(name);
  }

  press(event) {
    const rows = [...this.root.children];
    const at = rows.indexOf(event.target);
    const to = { Home: 0, End: rows.length - 1 }[event.key] ?? (at + KEYS[event.key] + rows.length) % rows.length;
    if (Number.isNaN(to) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    rows[to].focus();
  }
}
