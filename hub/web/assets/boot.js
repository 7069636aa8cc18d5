// A classic script, run before anything is drawn: GOV.UK's styles ask for these classes on the body.
document.body.classList.add("js-enabled");
if ("noModule" in HTMLScriptElement.prototype) document.body.classList.add("govuk-frontend-supported");
