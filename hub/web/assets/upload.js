// Turns a multiple file input into a drop zone that sends each file on its own. Without it the form works as it is.
import { markChanged } from "./forms.js";

const AT_ONCE = 2;
const BY_STATUS = {
  0: "The hub could not be reached. Try again.",
  413: "This file is too large.",
  429: "Too many files in a short time. Wait a minute and try again.",
};
// Answers to the file itself: sending the same again cannot help.
const NEVER = [400, 413, 415];

export function startUploads() {
  for (const root of document.querySelectorAll("[data-upload]")) new Uploads(root);
}

class Uploads {
  constructor(root) {
    this.root = root;
    this.input = root.querySelector("input[type=file]");
    this.form = this.input.form;
    this.max = Number(root.dataset.uploadMax);
    this.rows = new Set();
    this.waiting = [];
    this.busy = 0;
    this.build();
    this.listen();
  }

  build() {
    this.input.removeAttribute("name");
    this.zone = this.input.closest(".govuk-form-group");
    this.zone.classList.add("hub-drop");
    this.zone.append(element("p", "hub-upload__text", "Or drop files here."));
    this.list = element("ul", "hub-upload__list");
    this.list.setAttribute("aria-label", "Files");
    this.live = element("p", "govuk-visually-hidden");
    this.live.setAttribute("role", "status");
    this.root.append(this.list, this.live);
  }

  listen() {
    this.input.addEventListener("change", () => {
      this.add([...this.input.files]);
      this.input.value = "";
    });
    this.zone.addEventListener("dragover", (event) => this.hover(event, true));
    this.zone.addEventListener("dragleave", (event) => this.hover(event, false));
    this.zone.addEventListener("drop", (event) => {
      this.hover(event, false);
      this.add([...event.dataTransfer.files]);
    });
    this.form.addEventListener("submit", (event) => this.mayLeave(event));
  }

  hover(event, over) {
    event.preventDefault();
    this.zone.classList.toggle("hub-drop--over", over);
  }

  add(files) {
    for (const file of files) {
      const row = new Row(file, this);
      this.rows.add(row);
      this.list.append(row.item);
      this.enqueue(row);
    }
    markChanged(this.form);
  }

  enqueue(row) {
    const wrong = this.fault(row.file);
    if (wrong) {
      row.fail(wrong, undefined, false);
      return;
    }
    row.wait();
    this.waiting.push(row);
    this.next();
  }

  fault(file) {
    if (file.size === 0) return "This file is empty.";
    if (file.size > this.max) return `This file is larger than ${size(this.max)}.`;
    return "";
  }

  next() {
    while (this.busy < AT_ONCE && this.waiting.length) {
      this.busy += 1;
      this.waiting.shift().send(this.root.dataset.uploadUrl);
    }
  }

  finished() {
    this.busy -= 1;
    this.next();
  }

  remove(row) {
    this.waiting = this.waiting.filter((other) => other !== row);
    this.rows.delete(row);
    row.item.remove();
    this.say(`${row.file.name} removed.`);
    this.input.focus();
  }

  say(text) {
    this.live.textContent = text;
  }

  // Nobody should think a file was handed over that was not.
  mayLeave(event) {
    const missing = [...this.rows].find((row) => row.state !== "done");
    if (!missing) return;
    event.preventDefault();
    const wrong = missing.state === "wrong";
    const text = wrong ? "has not been received. Try again or remove it." : "is still being sent. Wait for it or remove it.";
    missing.show(wrong ? `${missing.reason} It was not received: ${missing.mayRetry ? "try again or remove it" : "remove it"} before you go on.` : "This file is still being sent. Wait for it, or remove it.");
    this.say(`${missing.file.name} ${text}`);
    missing.removeButton.focus();
  }
}

class Row {
  constructor(file, uploads) {
    this.file = file;
    this.uploads = uploads;
    this.item = element("li", "hub-upload__row");
    this.head = element("div", "hub-upload__head");
    this.text = element("p", "hub-upload__text");
    this.bar = document.createElement("progress");
    this.bar.className = "hub-progress";
    this.bar.max = 100;
    this.bar.setAttribute("aria-label", `Sending ${file.name}`);
    this.retryButton = this.button("Try again", () => uploads.enqueue(this));
    this.removeButton = this.button("Remove", () => this.remove());
    this.head.append(element("p", "hub-upload__name", file.name), this.retryButton, this.removeButton);
    this.item.append(this.head, this.text, this.bar);
  }

  button(text, act) {
    const button = element("button", "hub-link-button", text);
    button.type = "button";
    button.append(element("span", "govuk-visually-hidden", ` ${this.file.name}`));
    button.addEventListener("click", act);
    return button;
  }

  look(state, text) {
    const hadFocus = this.retryButton === document.activeElement;
    this.state = state;
    this.item.classList.toggle("hub-upload__row--done", state === "done");
    this.item.classList.toggle("hub-upload__row--wrong", state === "wrong");
    this.retryButton.hidden = state !== "wrong" || !this.mayRetry;
    this.bar.hidden = state !== "sending";
    this.show(text);
    if (hadFocus && this.retryButton.hidden) this.removeButton.focus();
  }

  show(text) {
    this.text.textContent = text;
  }

  wait() {
    this.look("waiting", "Waiting.");
  }

  send(url) {
    this.look("sending", `Sending, ${size(this.file.size)}.`);
    this.bar.value = 0;
    const body = new FormData();
    body.append("file", this.file, this.file.name);
    const request = new XMLHttpRequest();
    this.request = request;
    request.open("POST", url);
    request.responseType = "json";
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => this.progress(event));
    request.addEventListener("load", () => this.answered(request));
    request.addEventListener("error", () => this.fail(BY_STATUS[0]));
    request.addEventListener("loadend", () => this.uploads.finished());
    request.send(body);
  }

  progress(event) {
    if (!event.lengthComputable) return;
    this.bar.value = Math.round((100 * event.loaded) / event.total);
    if (event.loaded === event.total) this.show("Sent. Being checked and sealed.");
  }

  answered(request) {
    const answer = request.response ?? {};
    if (request.status < 300 && answer.id) this.done(answer);
    else this.fail(answer.error ?? BY_STATUS[request.status] ?? "This file was not received. Try again.", answer.action, !NEVER.includes(request.status));
  }

  done(answer) {
    this.look("done", `Received, ${size(answer.size)}. ${answer.again ? "The same file was already received. " : ""}`);
    this.text.append(element("span", "hub-hash", `SHA-256 ${answer.sha256}`));
    this.hidden = document.createElement("input");
    this.hidden.type = "hidden";
    this.hidden.name = "staged";
    this.hidden.value = answer.id;
    this.discard = answer.discard;
    this.item.append(this.hidden);
    this.uploads.say(`${this.file.name} received.`);
  }

  // The file stays in hand, so it can be sent again after signing in or agreeing in another tab.
  fail(reason, action, mayRetry = true) {
    this.reason = reason;
    this.mayRetry = mayRetry;
    this.look("wrong", reason);
    if (action && isOurs(action.href)) this.text.append(" ", link(action));
    this.uploads.say(`${this.file.name}: ${reason}`);
  }

  // Whatever becomes of the discarding, an untaken file can be removed on the form's own page later.
  remove() {
    this.request?.abort();
    if (this.discard) fetch(this.discard, { method: "POST", headers: headers() }).catch(() => {});
    this.uploads.remove(this);
  }
}

function headers() {
  return { Accept: "application/json", "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content };
}

function isOurs(href) {
  return new URL(href, window.location.href).origin === window.location.origin;
}

function link({ href, text }) {
  const anchor = element("a", "govuk-link", `${text} (opens in new tab)`);
  anchor.href = href;
  anchor.target = "_blank";
  anchor.rel = "noopener";
  return anchor;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function size(count) {
  const units = ["bytes", "kB", "MB", "GB"];
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit ? value.toFixed(1).replace(/\.0$/, "") : value} ${units[unit]}`;
}
