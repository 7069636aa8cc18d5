"""Nobody gets a role or an agency because it stood first in a list."""


def test_an_invitation_without_a_chosen_role_and_agency_is_refused(world):
    admin = world.client("administrator")
    sent = {"name": "New Comer-Fable", "email": "new.comer@fable.example", "role": "", "agency": ""}
    answer = world.post(admin, "/accounts", sent)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert "Choose a role." in page
    assert "Choose an agency." in page
    assert "new.comer@fable.example" in page
