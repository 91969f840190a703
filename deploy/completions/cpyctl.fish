# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_cpyctl_global_optspecs
    string join \n config= h/help V/version
end

function __fish_cpyctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_cpyctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_cpyctl_using_subcommand
    set -l cmd (__fish_cpyctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c cpyctl -n "__fish_cpyctl_needs_command" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_needs_command" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -s V -l version -d 'Print version'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -f -a "boards" -d 'List the boards: names, addresses, state, drive space, names on the network'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -f -a "check" -d 'Check the configuration'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -f -a "doctor" -d 'Say what is wrong with this gateway, and how to mend it'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -f -a "drive" -d 'Look whether a board\'s drive is in order, repair it, and give back what it has lost'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -f -a "history" -d 'Say what a board\'s files held before they were changed, and give it back'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -f -a "password" -d 'Print the password of boards that set none of their own, or change it'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -f -a "demo" -d 'Run a whole gateway with virtual boards, without hardware and without root'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -f -a "completions" -d 'Print what a shell needs to complete this command line'
complete -c cpyctl -n "__fish_cpyctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand boards" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand boards" -l json -d 'As JSON, for scripts'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand boards" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand check" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand check" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand doctor" -l root -d 'Look at the tree in DIR instead of this machine\'s /proc, /sys, /run and /etc' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand doctor" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand doctor" -l json -d 'As JSON, for scripts'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and not __fish_seen_subcommand_from check repair restore help" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and not __fish_seen_subcommand_from check repair restore help" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and not __fish_seen_subcommand_from check repair restore help" -f -a "check" -d 'Look at all of a drive but the content of its files, and say what is not as it should be'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and not __fish_seen_subcommand_from check repair restore help" -f -a "repair" -d 'Repair a drive with fsck.vfat, and keep an image of it as it was'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and not __fish_seen_subcommand_from check repair restore help" -f -a "restore" -d 'Give back what was on a drive that was emptied or made anew elsewhere'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and not __fish_seen_subcommand_from check repair restore help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from check" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from repair" -l image -d 'Where the image is kept [default: BOARD-TIME.img here]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from repair" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from repair" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from restore" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from restore" -l list -d 'List what would be given back'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from restore" -l forget -d 'Give nothing back, and forget it'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from help" -f -a "check" -d 'Look at all of a drive but the content of its files, and say what is not as it should be'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from help" -f -a "repair" -d 'Repair a drive with fsck.vfat, and keep an image of it as it was'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Give back what was on a drive that was emptied or made anew elsewhere'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand drive; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand history" -l print -d 'Print what this version holds' -r
complete -c cpyctl -n "__fish_cpyctl_using_subcommand history" -l restore -d 'Give this version back to the file; of a directory all files below it that were kept with this one' -r
complete -c cpyctl -n "__fish_cpyctl_using_subcommand history" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand history" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand password" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand password" -l new -d 'Make another password, and print it'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand password" -l set -d 'Set the password to the line that standard input gives; typed, it is not shown'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand password" -l new-if-missing -d 'Make and print a password if there is none; print nothing where there is one'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand password" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and not __fish_seen_subcommand_from unplug plug help" -l boards -d 'How many boards to plug in' -r
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and not __fish_seen_subcommand_from unplug plug help" -l port -d 'The port that all boards are served on by name' -r
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and not __fish_seen_subcommand_from unplug plug help" -l password -d 'The boards\' password [default: another one each time]' -r
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and not __fish_seen_subcommand_from unplug plug help" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and not __fish_seen_subcommand_from unplug plug help" -l local -d 'Serve this machine only, and announce nothing on the network, also where an Avahi runs'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and not __fish_seen_subcommand_from unplug plug help" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and not __fish_seen_subcommand_from unplug plug help" -f -a "unplug" -d 'Pull a board\'s plug, in the demo that runs'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and not __fish_seen_subcommand_from unplug plug help" -f -a "plug" -d 'Plug a board in again'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and not __fish_seen_subcommand_from unplug plug help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and __fish_seen_subcommand_from unplug" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and __fish_seen_subcommand_from unplug" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and __fish_seen_subcommand_from plug" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and __fish_seen_subcommand_from plug" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and __fish_seen_subcommand_from help" -f -a "unplug" -d 'Pull a board\'s plug, in the demo that runs'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and __fish_seen_subcommand_from help" -f -a "plug" -d 'Plug a board in again'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand demo; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand completions" -l config -d 'Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo\'s]' -r -F
complete -c cpyctl -n "__fish_cpyctl_using_subcommand completions" -s h -l help -d 'Print help'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and not __fish_seen_subcommand_from boards check doctor drive history password demo completions help" -f -a "boards" -d 'List the boards: names, addresses, state, drive space, names on the network'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and not __fish_seen_subcommand_from boards check doctor drive history password demo completions help" -f -a "check" -d 'Check the configuration'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and not __fish_seen_subcommand_from boards check doctor drive history password demo completions help" -f -a "doctor" -d 'Say what is wrong with this gateway, and how to mend it'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and not __fish_seen_subcommand_from boards check doctor drive history password demo completions help" -f -a "drive" -d 'Look whether a board\'s drive is in order, repair it, and give back what it has lost'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and not __fish_seen_subcommand_from boards check doctor drive history password demo completions help" -f -a "history" -d 'Say what a board\'s files held before they were changed, and give it back'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and not __fish_seen_subcommand_from boards check doctor drive history password demo completions help" -f -a "password" -d 'Print the password of boards that set none of their own, or change it'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and not __fish_seen_subcommand_from boards check doctor drive history password demo completions help" -f -a "demo" -d 'Run a whole gateway with virtual boards, without hardware and without root'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and not __fish_seen_subcommand_from boards check doctor drive history password demo completions help" -f -a "completions" -d 'Print what a shell needs to complete this command line'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and not __fish_seen_subcommand_from boards check doctor drive history password demo completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and __fish_seen_subcommand_from drive" -f -a "check" -d 'Look at all of a drive but the content of its files, and say what is not as it should be'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and __fish_seen_subcommand_from drive" -f -a "repair" -d 'Repair a drive with fsck.vfat, and keep an image of it as it was'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and __fish_seen_subcommand_from drive" -f -a "restore" -d 'Give back what was on a drive that was emptied or made anew elsewhere'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and __fish_seen_subcommand_from demo" -f -a "unplug" -d 'Pull a board\'s plug, in the demo that runs'
complete -c cpyctl -n "__fish_cpyctl_using_subcommand help; and __fish_seen_subcommand_from demo" -f -a "plug" -d 'Plug a board in again'
