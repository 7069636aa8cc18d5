import {
  Button, CharacterCount, ErrorSummary, NotificationBanner, PasswordInput, ServiceNavigation, SkipLink, createAll,
} from "./govuk-frontend.min.js";
import { guardForms, revealChoices } from "./forms.js";
import { startSession } from "./session.js";
import { startUploads } from "./upload.js";

const USED = [Button, CharacterCount, ErrorSummary, NotificationBanner, PasswordInput, ServiceNavigation, SkipLink];
const NARROW = "(max-width: 56rem)";

function closeFilters() {
  if (!window.matchMedia(NARROW).matches) return;
  for (const panel of document.querySelectorAll("[data-filter]")) panel.open = Boolean(panel.querySelector(".govuk-error-message"));
}

for (const component of USED) createAll(component);
closeFilters();
guardForms();
revealChoices();
startUploads();
startSession();
