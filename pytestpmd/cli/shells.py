"""Completion in bash, zsh and fish: click's way of asking; ``_PYTESTPMD_COMPLETE=bash_source pytestpmd`` is the script.

The scripts differ from click's in that a word which ends in ``=``, ``,`` or ``:`` goes on without a space, that file
names are completed after ``--option=``, and that bash's breaking of words at ``=`` and ``:`` is undone.
``programs/completions.py`` writes them to files.
"""

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from pytestpmd.cli.completion import Item, complete
from pytestpmd.cli.registry import Registry, completion_variable

BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' line kind value
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            open) compopt -o nospace; COMPREPLY+=("$value") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT COMP_WORDBREAKS=$COMP_WORDBREAKS \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local kind value about
    local -a plain open
    while IFS=$'\\t' read -r kind value about; do
        case $kind in
            dir) compset -P '*='; _path_files -/ ;;
            file) compset -P '*='; _path_files ;;
            open) open+=("$value") ;;
            plain) plain+=("${value//:/\\\\:}:$about") ;;
        esac
    done < <(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT - 1)) \\
        %(complete_var)s=zsh_complete "${words[1]}" 2>/dev/null)
    (( $#open )) && compadd -Q -S '' -a open
    (( $#plain )) && _describe '' plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

FISH = """\
function %(complete_func)s
    set -lx COMP_WORDS (commandline -cp)
    set -lx COMP_CWORD (commandline -ct)
    set -lx %(complete_var)s fish_complete
    for line in (%(prog_name)s 2>/dev/null)
        set -l parts (string split \\t -- $line)
        switch $parts[1]
            case dir
                for found in (__fish_complete_directories "$parts[3]")
                    echo "$parts[2]$found"
                end
            case file
                for found in (__fish_complete_path "$parts[3]")
                    echo "$parts[2]$found"
                end
            case '*'
                echo $parts[2]\\t$parts[3]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments '(%(complete_func)s)'
"""


class _Ours(ShellComplete):
    """Asks :func:`complete` in the place of a command of click's."""

    registry: Registry

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Item]]:  # type: ignore[override]
        return [CompletionItem(item) for item in complete(self.registry, args, incomplete)]

    def format_completion(self, item: CompletionItem[Item]) -> str:  # type: ignore[override]
        found = item.value
        kind = "open" if found.kind == "plain" and found.word.endswith(("=", ",", ":")) else found.kind
        return "\t".join((kind, found.word, found.path or found.help))


class Bash(_Ours, BashComplete):
    """It breaks words at ``=`` and ``:``, and wants what follows the last of these."""

    source_template = BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"].encode()[: int(os.environ["COMP_POINT"])].decode(errors="replace")
        words = split_arg_string(line)[1:]
        partial = "" if line[-1:].isspace() or not words else words.pop()
        return words, partial

    def format_completion(self, item: CompletionItem[Item]) -> str:  # type: ignore[override]
        _, partial = self.get_completion_args()
        breaks = [place for place, letter in enumerate(partial) if letter in os.environ["COMP_WORDBREAKS"]]
        kind, word, _ = super().format_completion(item).split("\t")
        return f"{kind}\t{word[max(breaks, default=-1) + 1 :]}"


class Zsh(_Ours, ZshComplete):  # type: ignore[misc]
    """It takes words whole."""

    source_template = ZSH


class Fish(_Ours, FishComplete):  # type: ignore[misc]
    """It takes words whole, and adds no space after what goes on."""

    source_template = FISH


SHELLS: dict[str, type[_Ours]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def answer(registry: Registry, question: str) -> str | None:
    """The script, or what could follow, a line each; None for a question that is none."""
    shell, _, wanted = question.partition("_")
    if shell not in SHELLS or wanted not in ("source", "complete"):
        return None
    helper = helper_of(shell, registry)
    return helper.source() if wanted == "source" else helper.complete()


def helper_of(shell: str, registry: Registry) -> ShellComplete:
    """What speaks with a shell for a program."""
    name = registry.program.name
    helper = SHELLS[shell](click.Command(name), {}, name, completion_variable(registry.program))
    helper.registry = registry
    return helper
