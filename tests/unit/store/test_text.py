from trunkline.store.text import storable


def test_text_stays_as_it_is() -> None:
    assert storable("Zoë \U0001f4de\r\n\x01") == "Zoë \U0001f4de\r\n\x01"


def test_what_no_database_takes_is_replaced() -> None:
    assert storable("0\udcff1\0 2") == "0\ufffd1\ufffd 2"
