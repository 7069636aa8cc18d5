"""The text that a new area begins with; its coordinator replaces it with the area's own."""

CONFIDENTIALITY = """\
Information shared under Multi-Agency Public Protection Arrangements is shared under section 325(4) of the \
Criminal Justice Act 2003, to assess and manage the risk of serious harm that a person may pose.

I agree that:

* I use what I read here only for that purpose, and read no more than my part in a case needs.
* I do not pass minutes, assessments, plans or anything discussed to a third party. Where sharing further \
seems necessary I ask first, and the decision is recorded.
* What I share is necessary and proportionate, and stays the responsibility of the agency that owns it.
* I keep everything secure: nothing is copied to personal devices or accounts, printed papers are locked away \
and destroyed, and I read where nobody can look on.
* I say at once when I know the person, their family or a victim, so that I can be excluded from the case.
* I understand that everything I open, search for and download is recorded and reviewed, and that misuse may \
be a disciplinary matter and a criminal offence under the Data Protection Act 2018.
* I report any loss, mistake or suspicion of misuse to the coordinator without delay."""

EQUALITY = """\
Every person who is managed, harmed or at risk is treated fairly and with dignity, and without unlawful \
discrimination, as the Equality Act 2010 requires.

I agree that:

* I raise diversity and equality issues wherever they bear on the risk, the plan or the people affected.
* I challenge language, assumptions and decisions that rest on a protected characteristic and not on evidence.
* I consider the needs of everyone involved, including age, disability, faith, language, race, sex, sexual \
orientation, gender reassignment, pregnancy and marriage or partnership, and what they mean for the plan.
* I make sure that the voice of every child concerned is heard.
* I write about people as I would if they were to read it."""
