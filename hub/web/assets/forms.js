// One sending per form, and a question before a changed form is left. Nothing typed is stored in the browser.

const changed = new Set();

export function hasChanges() {
  return changed.size > 0;
}

export function markChanged(form) {
  if (form && form.matches("[data-keep]")) changed.add(form);
}

export function guardForms() {
  document.addEventListener("input", (event) => markChanged(event.target.form));
  document.addEventListener("submit", sendOnce);
  window.addEventListener("pageshow", allowAgain);
  window.addEventListener("beforeunload", (event) => {
    if (hasChanges()) event.preventDefault();
  });
}

function sendOnce(event) {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog") return;
  if (form.method === "get" || form.matches("[data-repeat]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  changed.delete(form);
  // Not disabled at once: a disabled button's name and value would not be sent.
  window.setTimeout(() => setDisabled(form, true), 0);
}

function allowAgain() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    setDisabled(form, false);
  }
}

function setDisabled(form, disabled) {
  for (const button of form.querySelectorAll("button[type=submit], button:not([type])")) button.disabled = disabled;
}

// What belongs to a choice is shown while it is chosen. GOV.UK's own script sets aria-expanded, which a radio must not have.
export function revealChoices() {
  for (const input of document.querySelectorAll("input[data-aria-controls]")) {
    showOrHide(input);
    input.form?.addEventListener("change", () => showOrHide(input));
  }
}

function showOrHide(input) {
  const part = document.getElementById(input.dataset.ariaControls);
  for (const kind of ["radios", "checkboxes"]) part?.classList.toggle(`govuk-${kind}__conditional--hidden`, !input.checked);
}
