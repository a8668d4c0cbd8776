# Sourced after packages.sh by the commands in Tools that are written in Python: what they all do.

# become_module MODULE ARGUMENT...: replaces this shell by a module of Tools; 'python' may name another interpreter.
become_module() { PYTHONPATH="$root/Tools" PYTHONDONTWRITEBYTECODE=1 exec "${python:-python3}" -m "$@"; }

# run_module MODULE ARGUMENT...: runs one to its end.
run_module() { (become_module "$@"); }

# answer_help MODULE ARGUMENT...: shows the help of a command, and ends the script, where an argument asks for it.
answer_help() {
    local argument
    for argument in "${@:2}"; do
        case $argument in -h | --help) become_module "$@" ;; esac
    done
}

# require_linux REASON: ends the script elsewhere.
require_linux() {
    [[ $(uname -s) == Linux ]] && return
    echo "error: $1; run it there" >&2
    exit 1
}

# build_release PRODUCT...: builds them, optimised, into .build.
build_release() {
    require_swift
    local product
    for product in "$@"; do (cd "$root" && swift build -c release --product "$product" >&2); done
}
