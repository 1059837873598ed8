"""`trunkline doctor` on an installation of a test's own."""

from tests.interop.addresses import free_port
from tests.unit.cli.conftest import CommandLine


def quiet(line: CommandLine, sip: str, advertised: str = "203.0.113.5", web: str | None = None) -> None:
    """Settings that leave the machine's own ports alone."""
    text = line.settings_file.read_text()
    sip_section = f'[sip]\nudp = ["{sip}"]\ntcp = []\ntls = ["127.0.0.1:{free_port()}"]\n'
    text = text.replace("[sip]\n", f'{sip_section}advertised_host = "{advertised}"\n')
    text = text.replace("[http]\n", f'[http]\nbind = "127.0.0.1:{free_port()}"\n')
    web = web or f"127.0.0.1:{free_port()}"
    text = text.replace("[web]\n", f'[web]\nbind = "{web}"\n')
    text = text.replace("[dns]\n", '[dns]\nnameservers = ["127.0.0.1"]\nport = 1\ntimeout_s = 0.5\n')
    line.settings_file.write_text(text)


def findings(line: CommandLine, status: int) -> dict[str, tuple[str, str, str]]:
    return {
        row["about"]: (row["state"], row["found"], row["remedy"])
        for row in line.json("doctor", status=status)
    }
