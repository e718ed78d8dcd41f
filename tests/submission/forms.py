"""Submission forms as people fill them in: five correct ones, and more than forty with one mistake each.

A bad form is a correct one with one line replaced. `field` is the field that the error must name, and `remedy` is a
part of the text that says how to fix it.
"""

from dataclasses import dataclass

# The development account //Alice of Substrate, encoded for several networks. Its secret key is public.
HOTKEY = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
OF_POLKADOT = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"
OF_KUSAMA = "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"
IN_HEX = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"

ABOUT = (
    "Answers questions of chemistry with sources, by a search and a sandbox, and says how sure it is of each answer."
)

GOOD = f"""\
# What goes into the submission form.
name: "chemist"
image: "ghcr.io/octo-org/chemist:1.0.0"
hotkey: "{HOTKEY}"
source: "https://github.com/octo-org/chemist"
license: "MIT"
description: "{ABOUT}"
changelog: "https://github.com/octo-org/chemist/blob/main/CHANGELOG.md"
contact: "ada@octo.org"
"""


def with_line(line: str, form: str = GOOD) -> str:
    """Returns the form without the line for the same field, and with `line` at its end."""
    field = line.partition(":")[0]
    kept = [each for each in form.splitlines() if not each.startswith(f"{field}:")]
    return "\n".join([*kept, line, ""])


def without(field: str) -> str:
    return "\n".join(each for each in GOOD.splitlines() if not each.startswith(f"{field}:")) + "\n"


GOOD_FORMS = {
    "all fields": GOOD,
    "an image with a digest": with_line(f'image: "docker.io/octo/chemist@sha256:{"0123456789abcdef" * 4}"'),
    "without the optional fields": "\n".join(GOOD.splitlines()[:-2]) + "\n",
    "plain scalars, Windows lines": GOOD.replace('"', "").replace("\n", "\r\n"),
    "another forge, another licence, other scripts": with_line(
        f'description: "{"Beantwortet Fragen der Chemie und nennt die Quellen. Отвечает. 回答。" * 2}"',
        with_line('source: "https://codeberg.org/octo/chemist"', with_line('license: "EUPL-1.2"')),
    ),
}


@dataclass(frozen=True)
class Bad:
    name: str
    text: str
    field: str
    remedy: str


def _line(name: str, line: str, remedy: str) -> Bad:
    return Bad(name, with_line(line), line.partition(":")[0], remedy)


BAD_FORMS = [
    Bad("no name", without("name"), "name", "give the competitor a name"),
    _line("an empty name", 'name: ""', "give the competitor a name"),
    _line("a long name", f'name: "{"n" * 201}"', "shorten it to 200"),
    _line("a name of two lines", 'name: "chemist\\nand more"', "remove line breaks"),
    _line("a name that is a number", "name: 2026", "put it in quotes"),
    _line("a name with a space at its end", 'name: "chemist "', "remove the space"),
    _line("a name that is a list", "name: [chemist]", "put it in quotes"),
    Bad("no image", without("image"), "image", "give the full reference"),
    _line("an image without a host", 'image: "chemist:1.0.0"', "begin with the host"),
    _line("an image that is only an account and a name", 'image: "octo-org/chemist:1.0.0"', "begin with the host"),
    _line("an image in upper case", 'image: "ghcr.io/Octo-Org/chemist:1.0.0"', "lower case"),
    _line("a tag in upper case", 'image: "ghcr.io/octo-org/chemist:RC1"', "lower case"),
    _line("a registry with a port", 'image: "registry.octo.org:5000/chemist:1.0.0"', "port 443"),
    _line("an image with a scheme", 'image: "https://ghcr.io/octo-org/chemist:1.0.0"', "leave out"),
    _line("an empty tag", 'image: "ghcr.io/octo-org/chemist:"', "tag of 1 to 128"),
    _line("a short digest", 'image: "ghcr.io/octo-org/chemist@sha256:abc"', "64 hex digits"),
    _line("a tag and a digest", f'image: "ghcr.io/octo-org/chemist:1@sha256:{"a" * 64}"', "leave one of them out"),
    _line("a path with an empty part", 'image: "ghcr.io/octo-org//chemist:1.0.0"', "path of lower-case"),
    _line("the template's account", 'image: "ghcr.io/your-github-name/chemist:1.0.0"', "replace it by the account"),
    Bad("no hotkey", without("hotkey"), "hotkey", "give the SS58 address"),
    _line("a hotkey cut off", f'hotkey: "{HOTKEY[:-3]}"', "copy all 48 characters"),
    _line("a hotkey with a typing error", f'hotkey: "{HOTKEY[:20]}x{HOTKEY[21:]}"', "copy the address again"),
    _line(
        "a hotkey with a character that is not in base58",
        f'hotkey: "{HOTKEY[:20]}0{HOTKEY[21:]}"',
        "copy the address again",
    ),
    _line("an address of Polkadot", f'hotkey: "{OF_POLKADOT}"', "Bittensor address"),
    _line("an address of Kusama", f'hotkey: "{OF_KUSAMA}"', "Bittensor address"),
    _line("a public key in hex", f'hotkey: "{IN_HEX}"', "SS58 address"),
    _line("a public key without quotes", f"hotkey: {IN_HEX}", "put it in quotes"),
    Bad("no source", without("source"), "source", "URL of the public repository"),
    _line("a source over ssh", 'source: "git@github.com:octo-org/chemist.git"', "https://HOST/OWNER/REPO"),
    _line("a source without TLS", 'source: "http://github.com/octo-org/chemist"', "https URL"),
    _line("a source on this machine", 'source: "https://localhost/octo-org/chemist"', "public host"),
    _line("a source in a private network", 'source: "https://10.1.2.3/octo-org/chemist"', "public host"),
    _line("a source with a token", 'source: "https://ghp_abc@github.com/octo-org/chemist"', "revoke the token"),
    _line("a source that is an account", 'source: "https://github.com/octo-org"', "one repository"),
    _line("a source on a port", 'source: "https://git.octo.org:8443/octo-org/chemist"', "port 443"),
    Bad("no licence", without("license"), "license", "give the SPDX id"),
    _line("a licence in words", 'license: "Apache 2.0"', "did you mean Apache-2.0"),
    _line("a licence in lower case", 'license: "mit"', "did you mean MIT"),
    _line("a licence that is not approved", 'license: "CC-BY-4.0"', "choose a licence that is"),
    _line("a deprecated id", 'license: "GPL-3.0"', "GPL-3.0-only"),
    _line("an expression", 'license: "MIT OR Apache-2.0"', "name the licence"),
    _line("a licence that YAML reads as false", "license: no", "put it in quotes"),
    _line(
        "a licence that is not in the SPDX list", 'license: "Proprietary"', "choose a licence that the OSI has approved"
    ),
    Bad("no description", without("description"), "description", "what it does"),
    _line("a short description", 'description: "A chat bot."', "write at least 100"),
    _line("a long description", f'description: "{"word " * 100}end."', "shorten it to 500"),
    _line("a description of several lines", f"description: |\n  {ABOUT}\n  {ABOUT}\n", "remove line breaks"),
    _line("a changelog on this machine", 'changelog: "https://localhost/CHANGELOG.md"', "public host"),
    _line("a long contact", f'contact: "{"c" * 301}"', "shorten it to 300"),
    Bad("a field misspelt", GOOD.replace("license:", "licence:"), "licence", "did you mean license"),
    Bad("an unknown field", GOOD + 'price: "none"\n', "price", "remove it"),
    Bad("a field twice", GOOD + 'name: "another"\n', "submission.yaml", "leave one of them out"),
    Bad(
        "an anchor", GOOD.replace('name: "chemist"', "name: &a chemist") + "more: *a\n", "submission.yaml", "write the"
    ),
    Bad("a list", "- chemist\n", "submission.yaml", "on each line"),
    Bad("an empty file", "", "submission.yaml", "on each line"),
    Bad("one colon too many", GOOD.replace('name: "chemist"', "name: a: b"), "submission.yaml", "double quotes"),
    Bad("a tab", GOOD.replace("name: ", "name:\n\t"), "submission.yaml", "double quotes"),
    Bad("two documents", GOOD + "---\n" + GOOD, "submission.yaml", "double quotes"),
    Bad("Python in YAML", GOOD + "more: !!python/name:os.system\n", "submission.yaml", "double quotes"),
]
