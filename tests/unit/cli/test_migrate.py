import sqlite3

from tests.unit.cli.conftest import CommandLine


def test_an_empty_database_gets_its_schema(line: CommandLine) -> None:
    database = line.settings_file.parent / "trunkline.db"
    database.unlink()
    assert "trunkline migrate" in line.error("account", "list")
    assert "what this program needs" in line.run("migrate")
    assert line.json("account", "list") == []


def test_a_newer_database_is_left_alone(line: CommandLine) -> None:
    connection = sqlite3.connect(line.settings_file.parent / "trunkline.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    assert "a newer program made it" in line.error("migrate")
