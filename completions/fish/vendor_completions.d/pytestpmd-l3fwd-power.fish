function _pytestpmd_l3fwd_power_completion
    set -lx COMP_WORDS (commandline -cp)
    set -lx COMP_CWORD (commandline -ct)
    set -lx _PYTESTPMD_L3FWD_POWER_COMPLETE fish_complete
    for line in (pytestpmd-l3fwd-power 2>/dev/null)
        set -l parts (string split \t -- $line)
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
                echo $parts[2]\t$parts[3]
        end
    end
end
complete --no-files --command pytestpmd-l3fwd-power --arguments '(_pytestpmd_l3fwd_power_completion)'
