#compdef cpyctl

autoload -U is-at-least

_cpyctl() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_cpyctl_commands" \
"*::: :->cpyctl" \
&& ret=0
    case $state in
    (cpyctl)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:cpyctl-command-$line[1]:"
        case $line[1] in
            (boards)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'--json[As JSON, for scripts]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
'--root=[Look at the tree in DIR instead of this machine'\''s /proc, /sys, /run and /etc]:DIR:_files' \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'--json[As JSON, for scripts]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(drive)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
":: :_cpyctl__subcmd__drive_commands" \
"*::: :->drive" \
&& ret=0

    case $state in
    (drive)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:cpyctl-drive-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
':board -- The board, as `cpyctl boards` calls it, or its serial number:_default' \
&& ret=0
;;
(repair)
_arguments "${_arguments_options[@]}" : \
'--image=[Where the image is kept \[default\: BOARD-TIME.img here\]]:FILE:_files' \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
':board -- The board, as `cpyctl boards` calls it, or its serial number:_default' \
&& ret=0
;;
(restore)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'--list[List what would be given back]' \
'(--list)--forget[Give nothing back, and forget it]' \
'-h[Print help]' \
'--help[Print help]' \
':board -- The board, as `cpyctl boards` calls it, or its serial number:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_cpyctl__subcmd__drive__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:cpyctl-drive-help-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(repair)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(restore)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(history)
_arguments "${_arguments_options[@]}" : \
'(--restore)--print=[Print what this version holds]:ID:_default' \
'--restore=[Give this version back to the file; of a directory all files below it that were kept with this one]:ID:_default' \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
':board -- The board, as `cpyctl boards` calls it, or its serial number:_default' \
':path -- A file of it, or a directory for all files below:_default' \
&& ret=0
;;
(password)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'--new[Make another password, and print it]' \
'--set[Set the password to the line that standard input gives; typed, it is not shown]' \
'--new-if-missing[Make and print a password if there is none; print nothing where there is one]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(demo)
_arguments "${_arguments_options[@]}" : \
'--boards=[How many boards to plug in]:BOARDS:_default' \
'--port=[The port that all boards are served on by name]:PORT:_default' \
'--password=[The boards'\'' password \[default\: another one each time\]]:PASSWORD:_default' \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'--local[Serve this machine only, and announce nothing on the network, also where an Avahi runs]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_cpyctl__subcmd__demo_commands" \
"*::: :->demo" \
&& ret=0

    case $state in
    (demo)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:cpyctl-demo-command-$line[1]:"
        case $line[1] in
            (unplug)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
':name -- The board'\''s name, such as cpy-7e6f35:_default' \
&& ret=0
;;
(plug)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
':name -- The board'\''s name:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_cpyctl__subcmd__demo__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:cpyctl-demo-help-command-$line[1]:"
        case $line[1] in
            (unplug)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(plug)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file \[default\: /etc/cpy-gateway/gateway.toml, or the running demo'\''s\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
':shell -- Which shell:(bash elvish fish powershell zsh)' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_cpyctl__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:cpyctl-help-command-$line[1]:"
        case $line[1] in
            (boards)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(drive)
_arguments "${_arguments_options[@]}" : \
":: :_cpyctl__subcmd__help__subcmd__drive_commands" \
"*::: :->drive" \
&& ret=0

    case $state in
    (drive)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:cpyctl-help-drive-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(repair)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(restore)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(history)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(password)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(demo)
_arguments "${_arguments_options[@]}" : \
":: :_cpyctl__subcmd__help__subcmd__demo_commands" \
"*::: :->demo" \
&& ret=0

    case $state in
    (demo)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:cpyctl-help-demo-command-$line[1]:"
        case $line[1] in
            (unplug)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(plug)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_cpyctl_commands] )) ||
_cpyctl_commands() {
    local commands; commands=(
'boards:List the boards\: names, addresses, state, drive space, names on the network' \
'check:Check the configuration' \
'doctor:Say what is wrong with this gateway, and how to mend it' \
'drive:Look whether a board'\''s drive is in order, repair it, and give back what it has lost' \
'history:Say what a board'\''s files held before they were changed, and give it back' \
'password:Print the password of boards that set none of their own, or change it' \
'demo:Run a whole gateway with virtual boards, without hardware and without root' \
'completions:Print what a shell needs to complete this command line' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'cpyctl commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__boards_commands] )) ||
_cpyctl__subcmd__boards_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl boards commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__check_commands] )) ||
_cpyctl__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl check commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__completions_commands] )) ||
_cpyctl__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl completions commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__demo_commands] )) ||
_cpyctl__subcmd__demo_commands() {
    local commands; commands=(
'unplug:Pull a board'\''s plug, in the demo that runs' \
'plug:Plug a board in again' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'cpyctl demo commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__demo__subcmd__help_commands] )) ||
_cpyctl__subcmd__demo__subcmd__help_commands() {
    local commands; commands=(
'unplug:Pull a board'\''s plug, in the demo that runs' \
'plug:Plug a board in again' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'cpyctl demo help commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__demo__subcmd__help__subcmd__help_commands] )) ||
_cpyctl__subcmd__demo__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl demo help help commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__demo__subcmd__help__subcmd__plug_commands] )) ||
_cpyctl__subcmd__demo__subcmd__help__subcmd__plug_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl demo help plug commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__demo__subcmd__help__subcmd__unplug_commands] )) ||
_cpyctl__subcmd__demo__subcmd__help__subcmd__unplug_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl demo help unplug commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__demo__subcmd__plug_commands] )) ||
_cpyctl__subcmd__demo__subcmd__plug_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl demo plug commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__demo__subcmd__unplug_commands] )) ||
_cpyctl__subcmd__demo__subcmd__unplug_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl demo unplug commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__doctor_commands] )) ||
_cpyctl__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl doctor commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__drive_commands] )) ||
_cpyctl__subcmd__drive_commands() {
    local commands; commands=(
'check:Look at all of a drive but the content of its files, and say what is not as it should be' \
'repair:Repair a drive with fsck.vfat, and keep an image of it as it was' \
'restore:Give back what was on a drive that was emptied or made anew elsewhere' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'cpyctl drive commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__drive__subcmd__check_commands] )) ||
_cpyctl__subcmd__drive__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl drive check commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__drive__subcmd__help_commands] )) ||
_cpyctl__subcmd__drive__subcmd__help_commands() {
    local commands; commands=(
'check:Look at all of a drive but the content of its files, and say what is not as it should be' \
'repair:Repair a drive with fsck.vfat, and keep an image of it as it was' \
'restore:Give back what was on a drive that was emptied or made anew elsewhere' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'cpyctl drive help commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__drive__subcmd__help__subcmd__check_commands] )) ||
_cpyctl__subcmd__drive__subcmd__help__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl drive help check commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__drive__subcmd__help__subcmd__help_commands] )) ||
_cpyctl__subcmd__drive__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl drive help help commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__drive__subcmd__help__subcmd__repair_commands] )) ||
_cpyctl__subcmd__drive__subcmd__help__subcmd__repair_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl drive help repair commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__drive__subcmd__help__subcmd__restore_commands] )) ||
_cpyctl__subcmd__drive__subcmd__help__subcmd__restore_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl drive help restore commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__drive__subcmd__repair_commands] )) ||
_cpyctl__subcmd__drive__subcmd__repair_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl drive repair commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__drive__subcmd__restore_commands] )) ||
_cpyctl__subcmd__drive__subcmd__restore_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl drive restore commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help_commands] )) ||
_cpyctl__subcmd__help_commands() {
    local commands; commands=(
'boards:List the boards\: names, addresses, state, drive space, names on the network' \
'check:Check the configuration' \
'doctor:Say what is wrong with this gateway, and how to mend it' \
'drive:Look whether a board'\''s drive is in order, repair it, and give back what it has lost' \
'history:Say what a board'\''s files held before they were changed, and give it back' \
'password:Print the password of boards that set none of their own, or change it' \
'demo:Run a whole gateway with virtual boards, without hardware and without root' \
'completions:Print what a shell needs to complete this command line' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'cpyctl help commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__boards_commands] )) ||
_cpyctl__subcmd__help__subcmd__boards_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help boards commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__check_commands] )) ||
_cpyctl__subcmd__help__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help check commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__completions_commands] )) ||
_cpyctl__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help completions commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__demo_commands] )) ||
_cpyctl__subcmd__help__subcmd__demo_commands() {
    local commands; commands=(
'unplug:Pull a board'\''s plug, in the demo that runs' \
'plug:Plug a board in again' \
    )
    _describe -t commands 'cpyctl help demo commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__demo__subcmd__plug_commands] )) ||
_cpyctl__subcmd__help__subcmd__demo__subcmd__plug_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help demo plug commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__demo__subcmd__unplug_commands] )) ||
_cpyctl__subcmd__help__subcmd__demo__subcmd__unplug_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help demo unplug commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__doctor_commands] )) ||
_cpyctl__subcmd__help__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help doctor commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__drive_commands] )) ||
_cpyctl__subcmd__help__subcmd__drive_commands() {
    local commands; commands=(
'check:Look at all of a drive but the content of its files, and say what is not as it should be' \
'repair:Repair a drive with fsck.vfat, and keep an image of it as it was' \
'restore:Give back what was on a drive that was emptied or made anew elsewhere' \
    )
    _describe -t commands 'cpyctl help drive commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__drive__subcmd__check_commands] )) ||
_cpyctl__subcmd__help__subcmd__drive__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help drive check commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__drive__subcmd__repair_commands] )) ||
_cpyctl__subcmd__help__subcmd__drive__subcmd__repair_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help drive repair commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__drive__subcmd__restore_commands] )) ||
_cpyctl__subcmd__help__subcmd__drive__subcmd__restore_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help drive restore commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__help_commands] )) ||
_cpyctl__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help help commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__history_commands] )) ||
_cpyctl__subcmd__help__subcmd__history_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help history commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__help__subcmd__password_commands] )) ||
_cpyctl__subcmd__help__subcmd__password_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl help password commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__history_commands] )) ||
_cpyctl__subcmd__history_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl history commands' commands "$@"
}
(( $+functions[_cpyctl__subcmd__password_commands] )) ||
_cpyctl__subcmd__password_commands() {
    local commands; commands=()
    _describe -t commands 'cpyctl password commands' commands "$@"
}

if [ "$funcstack[1]" = "_cpyctl" ]; then
    _cpyctl "$@"
else
    compdef _cpyctl cpyctl
fi
