BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $work = New-TestFolder
    $model = Join-Path $work 'demo.gguf'
    Convert-Model (Join-Path $Root 'src/ModelOps.Cli/demo/hub/modelops/demo-llama') -Type Q8_0 -Output $model | Out-Null

    # A shell of its own whose lines are piped in: no console, so the host reads them with its ReadLine.
    function Invoke-Chat([string[]] $Lines, [string] $Arguments = '') {
        $script = Join-Path $work 'chat.ps1'
        Set-Content $script "Import-Module '$(Join-Path $Root 'ModelOps.psd1')'; Set-Location '$work'; Enter-ModelChat '$model' -Temperature 0 -MaxTokens 12 $Arguments"
        ($Lines -join "`n") | & (Get-Process -Id $PID).Path -NoProfile -File $script 2>&1 | Out-String
    }
}

AfterAll {
    Remove-Module ModelOps
    Remove-Item -Recurse -Force $work
}

Describe 'Enter-ModelChat' {
    It 'answers lines and keeps the conversation, as the command line does' {
        $shown = Invoke-Chat 'What is the capital of France?', '/save kept.json', '/exit'
        $shown | Should -Match 'Saved 2 turns to kept.json'
        $kept = Get-Content (Join-Path $work 'kept.json') -Raw | ConvertFrom-Json
        $kept.messages.role | Should -Be 'user', 'assistant'
        $kept.messages[1].content | Should -BeExactly (Invoke-Model 'What is the capital of France?' -Model $model -Temperature 0 -MaxTokens 12).Text
        $shown | Should -Match ([regex]::Escape($kept.messages[1].content))
    }

    It 'goes on with a saved conversation' {
        Set-Content (Join-Path $work 'before.json') '{ "messages": [{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": "Hello!" }] }'
        $shown = Invoke-Chat '/history', '/exit' '-Conversation before.json -System Brief.'
        $shown | Should -Match 'system: Brief\.'
        $shown | Should -Match 'assistant: Hello!'
    }

    It 'tells a mistake and goes on' {
        $shown = Invoke-Chat '/set temperature hot', '/nonsense', '/set', '/exit'
        $shown | Should -Match "error: 'hot' is not a number"
        $shown | Should -Match 'error: There is no command /nonsense'
        $shown | Should -Match 'max-tokens\s+12'
    }

    It 'says what is wrong with a saved conversation' {
        Set-Content (Join-Path $work 'broken.json') '{ "messages": 1 }'
        { Enter-ModelChat $model -Conversation (Join-Path $work 'broken.json') -ErrorAction Stop } | Should -Throw -ErrorId 'CorruptFile,ModelOps.PowerShell.Commands.EnterModelChatCommand'
    }
}
