// One clock, that of the media element, for the picture, the heat on it, the probabilities and the spectrogram.

const SECOND = 1;
const STEP = 0.25; // s, where the curves have a single moment
const KEYS = { ArrowLeft: -1, ArrowRight: 1 }; // steps of the curves
const SLIDER_KEYS = { ArrowDown: -SECOND, ArrowUp: SECOND, PageDown: -SECOND, PageUp: SECOND };
const CELLS = 7; // of a heat map, across and down
const FINE = 56; // pixels to which they are smoothed, as in the still pictures
const CANVAS = 640; // width in which the heat is drawn; the browser scales it
const TEXT_EVERY = 150; // ms between changes of what is written while it plays
const STILL_EVERY = 500; // the same for what moves, where less motion is wanted
const SPEAK_EVERY = 2000; // ms between words for screen readers while it plays
const PLAY = "M8 5v14l11-7z";
const PAUSE = "M6 5h4v14H6zM14 5h4v14h-4z";

const players = new WeakMap();

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".player");
  if (!players.has(root)) players.set(root, new Player(root));
  const player = players.get(root);
  player.show(data);
  return () => player.stop();
}

class Player {
  constructor(root) {
    this.root = root;
    this.media = root.querySelector("video");
    this.tracks = [...root.querySelectorAll(".track")];
    this.less = matchMedia("(prefers-reduced-motion: reduce)");
    this.tracks.forEach((track) => {
      track.cursor = track.appendChild(element("div", "cursor"));
      track.addEventListener("pointerdown", (event) => this.grab(track, event));
      track.addEventListener("pointermove", (event) => track.hasPointerCapture(event.pointerId) && this.seek(this.timeAt(track, event)));
    });
    this.find(".play").addEventListener("click", () => this.toggle());
    this.find(".stage").addEventListener("click", () => this.toggle());
    this.find(".switch input").addEventListener("change", () => this.drawHeat(true));
    root.addEventListener("keydown", (event) => this.press(event));
    for (const name of ["play", "pause", "ended"]) this.media.addEventListener(name, () => this.changed());
    for (const name of ["loadedmetadata", "durationchange"]) this.media.addEventListener(name, () => this.layOut());
    this.media.addEventListener("timeupdate", () => this.refresh(this.media.paused));
    this.media.addEventListener("seeked", () => {
      this.wanted = null;
      this.refresh(true);
    });
    this.media.addEventListener("error", () => this.tryNext());
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** Show what Python sent. Another emotion changes the evidence only: what plays, plays on. */
  show(data) {
    const another = !this.data || this.data.media.url !== data.media.url;
    this.data = data;
    this.root.classList.toggle("unseen", !data.frames);
    this.root.classList.toggle("unheard", !data.sound);
    if (another) this.load();
    if (data.frames) this.find(".stage").style.setProperty("--ratio", data.frames.ratio);
    if (data.sound) this.find(".picture img").src = data.sound.picture;
    this.heats = data.frames ? data.frames.heat.map((cells) => cells && smoothed(cells, data.frames.scale)) : [];
    this.layOut();
  }

  load() {
    this.wanted = null;
    this.addresses = addresses(this.data.media.url);
    this.find(".problem").hidden = true;
    this.tryNext();
  }

  /** The whole file at once: seeking needs no server then, and does not wait for one that is busy. */
  async tryNext() {
    const next = this.addresses.shift();
    if (next) {
      const url = this.data.media.url;
      const answer = await fetch(next).catch(() => null);
      const file = answer?.ok ? await answer.blob().catch(() => null) : null;
      if (url !== this.data.media.url) return;
      if (!file) return this.tryNext();
      URL.revokeObjectURL(this.media.src);
      this.media.src = URL.createObjectURL(file);
    } else if (this.data.media.url) {
      this.find(".problem").textContent = "Your browser cannot play this recording. The probabilities and the spectrogram can still be looked at.";
      this.find(".problem").hidden = false;
    }
  }

  stop() {
    cancelAnimationFrame(this.request);
    this.media.pause();
  }

  get seconds() {
    const { duration } = this.media;
    return Number.isFinite(duration) && duration > 0 ? duration : this.data.media.seconds;
  }

  get time() {
    return Math.min(this.wanted ?? this.media.currentTime, this.seconds);
  }

  seek(time) {
    this.wanted = Math.min(Math.max(time, 0), this.seconds);
    this.media.currentTime = this.wanted;
    this.refresh(true);
  }

  toggle() {
    if (!this.media.paused && !this.media.ended) return this.media.pause();
    return this.media.play()?.catch(() => {});
  }

  changed() {
    const playing = !this.media.paused && !this.media.ended;
    this.find(".play").setAttribute("aria-label", playing ? "Pause" : "Play");
    this.find(".shape").setAttribute("d", playing ? PAUSE : PLAY);
    cancelAnimationFrame(this.request);
    if (playing) this.request = requestAnimationFrame(() => this.run());
    this.refresh(true);
  }

  run() {
    this.refresh(false);
    this.request = requestAnimationFrame(() => this.run());
  }

  timeAt(track, event) {
    const { left, width } = track.getBoundingClientRect();
    return ((event.clientX - left) / width) * this.seconds;
  }

  grab(track, event) {
    if (event.button) return;
    track.setPointerCapture(event.pointerId);
    track.focus({ preventScroll: true });
    this.seek(this.timeAt(track, event));
  }

  /** Wherever the focus is in the player; a button and a switch keep the space bar for themselves. */
  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const own = event.target.closest("button, input");
    const slider = event.target.getAttribute("role") === "slider";
    const steps = KEYS[event.key];
    if (steps !== undefined) this.seek(this.time + steps * (event.shiftKey ? SECOND : this.step));
    else if (slider && SLIDER_KEYS[event.key]) this.seek(this.time + SLIDER_KEYS[event.key]);
    else if (event.key === "Home") this.seek(0);
    else if (event.key === "End") this.seek(this.seconds);
    else if (event.key === " " && !own) this.toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** From one moment of the curves to the next, in seconds. */
  get step() {
    const { times } = this.data;
    return times.length > 1 ? times[1] - times[0] : STEP;
  }

  /** Everything that depends on the length or on the data, not on the time. */
  layOut() {
    if (!this.data) return;
    this.drawRows();
    this.drawTicks();
    this.tracks.forEach((track) => {
      track.setAttribute("aria-valuemin", "0");
      track.setAttribute("aria-valuemax", this.seconds.toFixed(1));
    });
    this.changed();
    this.drawHeat(true);
  }

  drawRows() {
    const rows = this.find(".rows");
    const { labels, times, probabilities, window } = this.data;
    rows.querySelectorAll(".name, .area, .share").forEach((old) => old.remove());
    const peak = Math.max(0.5, ...probabilities.flat().filter((p) => p !== null));
    this.rows = labels.map(({ name, colour }, row) => {
      const parts = [element("span", "name", name), area(times, probabilities.map((p) => p && p[row] / peak), this.seconds, window), element("span", "share")];
      parts.forEach((part) => {
        part.style.gridRow = row + 1;
        part.style.setProperty("--emotion", colour);
      });
      rows.append(...parts);
      return { name: parts[0], share: parts[2] };
    });
    this.find(".chart").style.gridRow = `1 / ${labels.length + 1}`;
    rows.querySelector(".axis").style.gridRow = labels.length + 1;
  }

  drawTicks() {
    const rail = this.find(".rail");
    rail.replaceChildren();
    this.find(".line").querySelectorAll(".look").forEach((old) => old.remove());
    for (const time of this.data.frames?.times ?? []) {
      const look = element("div", "look");
      look.style.left = this.percent(time);
      look.title = `The model looked at the face at ${time.toFixed(1)} s`;
      this.find(".line").insertBefore(look, this.find(".line .cursor"));
    }
    const step = [0.5, 1, 2, 5, 10, 30, 60].find((size) => this.seconds / size <= 8) ?? 60;
    const times = Array.from({ length: Math.floor((0.97 * this.seconds) / step) + 1 }, (_, k) => k * step);
    for (const axis of this.root.querySelectorAll(".axis")) axis.replaceChildren(...times.map((time) => this.tick(time ? String(time) : "0 s", time)));
    if (!this.data.sound) return;
    const picture = this.find(".picture img").style;
    picture.marginLeft = this.percent(this.data.sound.start);
    picture.width = this.percent(this.data.sound.seconds);
    this.find(".hertz").replaceChildren(
      ...this.data.sound.ticks.map(([text, height]) => {
        const tick = element("span", "", text);
        tick.style.bottom = `${100 * height}%`;
        return tick;
      }),
    );
  }

  tick(text, time) {
    const tick = element("span", "", text);
    tick.style.left = this.percent(time);
    return tick;
  }

  percent(time) {
    return `${100 * Math.min(1, time / this.seconds)}%`;
  }

  /** Bring everything to the present time; at once, or as often as eyes, ears and batteries like it. */
  refresh(atOnce) {
    if (!this.data) return;
    const now = performance.now();
    if (!atOnce && this.less.matches && now - (this.moved ?? 0) < STILL_EVERY) return;
    this.moved = now;
    const left = this.percent(this.time);
    for (const { cursor } of this.tracks) cursor.style.left = left;
    this.drawHeat(false);
    if (!atOnce && now - (this.written ?? 0) < TEXT_EVERY) return;
    this.written = now;
    this.write(now);
  }

  write(now) {
    const { labels, times, probabilities, words, window } = this.data;
    const at = nearest(times, this.time);
    const shares = probabilities[at];
    const first = shares ? shares.indexOf(Math.max(...shares)) : -1;
    this.rows.forEach(({ name, share }, row) => {
      name.classList.toggle("first", row === first);
      share.classList.toggle("first", row === first);
      share.textContent = shares ? percentage(shares[row]) : "";
    });
    const span = this.find(".span");
    span.style.left = this.percent(Math.max(0, times[at] - window / 2));
    span.style.width = this.percent(Math.min(window, this.seconds));
    const clock = seconds(this.time);
    this.find(".clock").textContent = `${clock} / ${seconds(this.seconds)} s`;
    const line = this.find(".now");
    line.replaceChildren(`${first < 0 ? "" : "Around "}${clock} s: ${words[at]}`);
    if (first >= 0) {
      const dot = element("span", "dot");
      dot.style.setProperty("--emotion", labels[first].colour);
      line.prepend(dot);
    }
    this.tracks.forEach((track) => {
      track.setAttribute("aria-valuenow", this.time.toFixed(1));
      track.setAttribute("aria-valuetext", `${this.time.toFixed(1)} of ${this.seconds.toFixed(1)} seconds: ${words[at]}`);
    });
    this.speak(first < 0 ? "" : labels[first].name, words[at], now);
  }

  /** While it plays, another emotion is worth a word; whoever moves the cursor hears the slider itself. */
  speak(name, words, now) {
    if (this.media.paused || name === this.spoken || now - (this.spokenAt ?? 0) < SPEAK_EVERY) return;
    this.spoken = name;
    this.spokenAt = now;
    this.find(".live").textContent = words;
  }

  /** The heat of the nearest frame that the model looked at, on the square that was cut from it. */
  drawHeat(again) {
    const { frames } = this.data ?? {};
    if (!frames) return;
    const at = nearest(frames.times, this.time);
    if (!again && at === this.drawn) return;
    this.drawn = at;
    const canvas = this.find(".heat");
    const on = this.find(".switch input").checked;
    canvas.width = CANVAS;
    canvas.height = Math.round(CANVAS / frames.ratio);
    canvas.dataset.frame = on && this.heats[at] ? at : "";
    const when = `${frames.times[at].toFixed(1)} s`;
    this.find(".note").textContent = !on ? "" : this.heats[at] ? `${frames.words}, computed at ${when}` : `No face was found at ${when}: no heat`;
    if (!on || !this.heats[at]) return;
    const [x, y, width, height] = frames.squares[at].map((share, k) => share * (k % 2 ? canvas.height : canvas.width));
    const pen = canvas.getContext("2d");
    pen.drawImage(this.heats[at], x, y, width, height);
    for (const [colour, thick] of [["rgb(0 0 0 / 45%)", 3], ["rgb(255 255 255 / 80%)", 1]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.strokeRect(x, y, width, height);
    }
  }
}

/** Where the bytes may be: beside Streamlit's own files, else at the root of this host. */
function addresses(url) {
  if (!url) return [];
  const script = document.querySelector('script[src*="/static/js/"]');
  const bases = [script?.src.split("/static/js/")[0], location.origin];
  return [...new Set(bases.filter(Boolean).map((base) => base + url))];
}

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

/** Position of the time nearest to `time`. */
function nearest(times, time) {
  return times.reduce((best, t, k) => (Math.abs(t - time) < Math.abs(times[best] - time) ? k : best), 0);
}

function percentage(p) {
  return p < 0.005 ? "<1 %" : `${Math.round(100 * p)} %`;
}

/** 75.25 → "1:15.3" */
function seconds(time) {
  const tenths = Math.round(time * 10);
  const rest = ((tenths % 600) / 10).toFixed(1);
  return tenths < 600 ? rest : `${Math.floor(tenths / 600)}:${rest.padStart(4, "0")}`;
}

/** Shares (0 to 1, null for a gap) over time as a filled area; the first and the last window reach to the ends. */
function area(times, shares, length, window) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "area");
  svg.setAttribute("viewBox", "0 0 1000 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const path = svg.appendChild(document.createElementNS(svg.namespaceURI, "path"));
  const half = times.length > 1 ? (times[1] - times[0]) / 2 : window / 2;
  let drawn = "";
  for (let k = 0; k < times.length; k += 1) {
    if (shares[k] === null) continue;
    const points = [];
    const start = k === 0 ? 0 : times[k] - half;
    for (; k < times.length && shares[k] !== null; k += 1) points.push([times[k], shares[k]]);
    const end = k === times.length ? length : times[k - 1] + half;
    const all = [[start, 0], [start, points[0][1]], ...points, [end, points.at(-1)[1]], [end, 0]];
    drawn += `M${all.map(([x, y]) => `${((1000 * Math.min(x, length)) / length).toFixed(1)} ${(100 - 92 * y).toFixed(1)}`).join("L")}Z`;
  }
  path.setAttribute("d", drawn);
  return svg;
}

/** 49 values from −100 to 100 as a picture: bilinear between the cells' centres, coloured by the scale. */
function smoothed(cells, scale) {
  const canvas = element("canvas");
  canvas.width = canvas.height = FINE;
  const pen = canvas.getContext("2d");
  const picture = pen.createImageData(FINE, FINE);
  const places = Array.from({ length: FINE }, (_, k) => {
    const place = Math.min(Math.max(((k + 0.5) * CELLS) / FINE - 0.5, 0), CELLS - 1);
    const first = Math.min(Math.floor(place), CELLS - 2);
    return [first, place - first];
  });
  places.forEach(([row, down], y) => {
    places.forEach(([column, right], x) => {
      const value = (r, c) => cells[r * CELLS + c];
      const upper = value(row, column) * (1 - right) + value(row, column + 1) * right;
      const lower = value(row + 1, column) * (1 - right) + value(row + 1, column + 1) * right;
      const step = Math.round(((upper * (1 - down) + lower * down) / 100 + 1) * ((scale.length - 1) / 2));
      picture.data.set(scale[step], 4 * (y * FINE + x));
    });
  });
  pen.putImageData(picture, 0, 0);
  return canvas;
}
