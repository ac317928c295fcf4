"""Ethernet addresses."""

from pytestpmd.eal.ether import mac_text, random_mac


def test_an_address_is_spelt_in_capitals() -> None:
    assert mac_text(bytes([2, 0, 0, 0, 0, 10])) == "02:00:00:00:00:0A"


def test_an_address_of_our_making_is_a_local_station_s() -> None:
    made = {random_mac() for _ in range(64)}
    assert len(made) == 64
    assert all(len(address) == 6 and address[0] & 3 == 2 for address in made)
