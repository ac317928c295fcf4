function _pytestpmd_completion
    set -lx COMP_WORDS (commandline -cp)
    set -lx COMP_CWORD (commandline -ct)
    set -lx _PYTESTPMD_COMPLETE fish_complete
    for line in (pytestpmd 2>/dev/null)
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
complete --no-files --command pytestpmd --arguments '(_pytestpmd_completion)'
