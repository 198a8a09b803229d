"""Every field says what its values may be, and the table that people read says the same."""

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from services.chassis import texts
from services.chassis.bounds import bound_of
from services.chassis.envelope import ID_MAX
from tests.contract import bounds


def fields() -> list[FieldDescriptor]:
    return [field for message in bounds.messages() for field in message.fields]


def name(field: FieldDescriptor) -> str:
    return str(field.full_name)


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def test_every_text_has_a_kind_and_a_length():
    texts = [field for field in fields() if field.type == FieldDescriptor.TYPE_STRING]

    assert len(texts) > 300
    assert [name(field) for field in texts if not bound_of(field).kind or not bound_of(field).longest] == []


def test_every_file_has_a_length():
    assert [name(f) for f in fields() if f.type == FieldDescriptor.TYPE_BYTES and not bound_of(f).longest] == []


def test_every_list_has_an_end_and_no_map_comes_from_outside():
    lists = [field for field in fields() if field.is_repeated]

    assert [name(field) for field in lists if not bound_of(field).most and not is_map(field)] == []
    assert [name(field) for field in lists if is_map(field)] == ["receivables.operations.v1.StatusResponse.parked"]


def test_every_amount_has_fifteen_digits():
    amounts = [field for field in fields() if field.name == "minor" or field.name.endswith("_minor")]

    assert len(amounts) > 15
    assert {bound_of(field).largest for field in amounts} == {10**15 - 1}


def test_no_message_holds_itself():
    """The bounds of a message are compiled with those of its parts."""

    def parts(message: Descriptor, above: tuple[str, ...]) -> None:
        assert message.full_name not in above
        for field in message.fields:
            if field.message_type is not None:
                parts(field.message_type, (*above, message.full_name))

    for message in bounds.messages():
        parts(message, ())


def test_every_subject_that_we_announce_fits_its_header():
    ids = {bound_of(field).longest for field in fields() if bound_of(field).kind == texts.ID and field.name != "about"}

    assert max(ids) + len("some_aggregate/") <= ID_MAX


def test_the_table_of_bounds_is_what_the_contracts_say():
    assert bounds.TABLE.read_text() == bounds.table(), "run `python -m tests.contract.bounds`"
