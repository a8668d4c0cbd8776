# Sourced by the commands in Tools: finds the toolchain, installs the system packages that are missing.

# require_swift: ends the script when there is no Swift toolchain, which no package manager here provides.
require_swift() {
    command -v swift >/dev/null && return
    echo "error: no 'swift' command found; vecdb needs Swift 6.3 or newer." >&2
    echo "       Install a toolchain from https://www.swift.org/install and put its usr/bin on PATH." >&2
    exit 1
}

# require_plain_path PATH: ends the script where options of sanitizers and of llvm would take the path apart.
require_plain_path() {
    [[ $1 == *[[:space:]:,]* ]] || return 0
    echo "error: works only below a path without spaces, colons and commas, not in '$1'" >&2
    exit 1
}

# install_packages COMMAND...: installs what building vecdb needs, and a package for each COMMAND that is missing
# (its package has the command's name). Prints nothing when all is there.
install_packages() {
    if [[ $(uname -s) == Darwin ]]; then
        check_macos_packages "$@"
    elif command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
        install_debian_packages "$@"
    else
        check_other_packages "$@"
    fi
}

install_debian_packages() {
    local missing=() package command
    for package in libsqlite3-dev liblz4-dev; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    # SwiftPM fetches dependencies with git and asks pkg-config where system libraries are.
    for command in git pkg-config "$@"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    ((${#missing[@]})) || return 0

    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "error: missing system packages; run as root: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    echo "Installing ${missing[*]}" >&2
    local log
    log=$(mktemp)
    # An update that fails, without a network say, is no obstacle when the package lists are there already.
    "${as_root[@]}" apt-get -qq update >"$log" 2>&1 </dev/null || true
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        rm -f "$log"
        echo "error: apt-get could not install ${missing[*]}" >&2
        exit 1
    fi
    rm -f "$log"
}

# SQLite comes with macOS; a package manager there belongs to the user, so this one only says what to run.
check_macos_packages() {
    local missing=() command
    for command in git pkg-config "$@"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    pkg-config --exists liblz4 2>/dev/null || missing+=(lz4)
    ((${#missing[@]})) || return 0
    echo "error: missing system packages; run: brew install ${missing[*]}" >&2
    exit 1
}

check_other_packages() {
    local missing=() command library
    for command in git pkg-config "$@"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    for library in sqlite3 liblz4; do
        pkg-config --exists "$library" 2>/dev/null || missing+=("$library (development files)")
    done
    ((${#missing[@]})) || return 0
    local IFS=','
    echo "error: missing: ${missing[*]}; install them with this system's package manager" >&2
    exit 1
}
