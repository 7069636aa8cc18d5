import {
  Button, CharacterCount, Checkboxes, ErrorSummary, NotificationBanner, PasswordInput, Radios, ServiceNavigation,
  SkipLink, createAll,
} from "./govuk-frontend.js";
import { guardForms } from "./forms.js";
import { startSession } from "./session.js";
import { startUploads } from "./upload.js";

const USED = [
  Button, CharacterCount, Checkboxes, ErrorSummary, NotificationBanner, PasswordInput, Radios, ServiceNavigation, SkipLink,
];
const NARROW = "(max-width: 56rem)";

function closeFilters() {
  if (!window.matchMedia(NARROW).matches) return;
  for (const panel of document.querySelectorAll("[data-filter]")) panel.open = false;
}

for (const component of USED) createAll(component);
closeFilters();
guardForms();
startUploads();
startSession();
