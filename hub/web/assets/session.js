// Warns two minutes before the session ends. No polling: one timer, and word from the other tabs of the same person.
import { hasChanges } from "./forms.js";

const WARNING = 120_000;
const LONGEST_SLEEP = 30_000; // a suspended machine wakes late; the clock is looked at again at least this often
const SPOKEN = new Set([90, 60, 30, 10]);

export function startSession() {
  const dialog = document.getElementById("session-dialog");
  const { sessionSeconds, sessionPerson, sessionExtend, sessionSignIn } = document.body.dataset;
  if (!dialog || !sessionSeconds) return;
  new SessionWarning(dialog, { person: sessionPerson, extend: sessionExtend, signIn: sessionSignIn }).begin(Number(sessionSeconds));
}

class SessionWarning {
  constructor(dialog, settings) {
    this.dialog = dialog;
    this.settings = settings;
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel("hub-session") : null;
    this.last = false; // the absolute limit is near: staying no longer helps, so the dialog is not shown again
    this.timer = 0;
  }

  begin(seconds) {
    this.find("[data-session-stay]").addEventListener("click", () => this.stay());
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (!this.isOver) this.stay();
    });
    this.channel?.addEventListener("message", (event) => this.hear(event.data));
    document.addEventListener("visibilitychange", () => this.look());
    this.renew(seconds);
    this.tell();
  }

  find(selector) {
    return this.dialog.querySelector(selector);
  }

  renew(seconds) {
    this.ends = Date.now() + seconds * 1000;
    this.look();
  }

  tell() {
    this.channel?.postMessage({ person: this.settings.person, ends: this.ends, token: formToken() });
  }

  hear({ person, ends, token }) {
    if (person !== this.settings.person || !(ends > Date.now())) return;
    useToken(token);
    this.ends = ends;
    this.close();
    this.look();
  }

  look() {
    window.clearTimeout(this.timer);
    if (this.isOver) return;
    const left = this.ends - Date.now();
    if (left <= 0) {
      this.over();
    } else if (left <= WARNING && !this.last) {
      this.warn(left);
    } else {
      const until = this.last ? left : left - WARNING;
      this.timer = window.setTimeout(() => this.look(), Math.min(until, LONGEST_SLEEP));
    }
  }

  warn(left) {
    if (!this.dialog.open) this.show();
    const seconds = Math.ceil(left / 1000);
    this.find("[data-session-left]").textContent = words(seconds);
    if (SPOKEN.has(seconds)) this.say(`Your session ends in ${words(seconds)}.`);
    this.timer = window.setTimeout(() => this.look(), left % 1000 || 1000);
  }

  show() {
    this.before = document.activeElement;
    this.dialog.showModal();
    this.find("[data-session-stay]").focus();
  }

  close() {
    if (!this.dialog.open) return;
    this.stand(false);
    this.dialog.close();
    this.before?.focus();
  }

  // Soon over, or over.
  stand(isOver) {
    this.isOver = isOver;
    this.dialog.classList.toggle("hub-dialog--over", isOver);
    toggle(this.dialog.querySelectorAll("[data-session-soon]"), !isOver);
    toggle(this.dialog.querySelectorAll("[data-session-over]"), isOver);
    toggle(this.dialog.querySelectorAll("[data-session-failed]"), false);
    const title = isOver ? "Your session is over" : "You will be signed out soon";
    document.getElementById("session-title").textContent = title;
    this.say(isOver ? title : "");
  }

  say(text) {
    this.find("[data-session-live]").textContent = text;
  }

  async stay() {
    try {
      const answer = await fetch(this.settings.extend, {
        method: "POST",
        headers: { Accept: "application/json", "X-CSRF-Token": formToken() },
      });
      if (answer.ok) this.stayed(await answer.json());
      else if (answer.status === 401) this.over();
      else this.failed();
    } catch {
      this.failed();
    }
  }

  stayed({ seconds }) {
    this.last = seconds * 1000 <= WARNING;
    this.close();
    this.renew(seconds);
    this.tell();
  }

  failed() {
    const sentence = this.find("[data-session-failed]");
    sentence.hidden = false;
    this.say(sentence.textContent);
  }

  // With something typed and not sent the page stays, covered, until the same person has signed in in another tab.
  over() {
    window.clearTimeout(this.timer);
    if (!hasChanges()) {
      window.location.assign(this.settings.signIn);
      return;
    }
    if (!this.dialog.open) this.show();
    this.stand(true);
    this.find("[data-session-over] a").focus();
  }
}

function toggle(parts, shown) {
  for (const part of parts) part.hidden = !shown;
}

function words(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  const parts = [];
  if (minutes) parts.push(`${minutes} ${minutes === 1 ? "minute" : "minutes"}`);
  if (rest || !minutes) parts.push(`${rest} ${rest === 1 ? "second" : "seconds"}`);
  return parts.join(" ");
}

function formToken() {
  return document.querySelector('meta[name="csrf-token"]').content;
}

function useToken(token) {
  document.querySelector('meta[name="csrf-token"]').content = token;
  for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = token;
}
