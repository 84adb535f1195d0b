BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $work = New-TestFolder
    $model = Join-Path $work 'demo.gguf'
    $null = Convert-Model (Join-Path $Root 'src/ModelOps.Cli/demo/hub/modelops/demo-llama') -Type Q8_0 -Output $model
    $env:MODELOPS_CLI = (Get-ChildItem (Join-Path $Root 'src/ModelOps.Cli/bin/*/net10.0/modelops.dll') | Sort-Object LastWriteTime | Select-Object -Last 1).FullName
}

AfterAll {
    Get-ModelServer | Stop-ModelServer
    Remove-Item Env:MODELOPS_CLI -ErrorAction Ignore
    Remove-Item -Recurse -Force $work
}

Describe 'Start-ModelServer' {
    AfterEach { Get-ModelServer | Stop-ModelServer }

    It 'prints the plan with -WhatIf and starts nothing' {
        Start-ModelServer $model -Url http://127.0.0.1:0 -PassThru -WhatIf | Should -BeNullOrEmpty
        Get-ModelServer | Should -BeNullOrEmpty
    }

    It 'answers, with a model of the location under a name of its own, and asks for its key' {
        Push-Location $work
        try {
            $server = Start-ModelServer chat=demo.gguf, demo.gguf -Url http://127.0.0.1:0 -ApiKey (ConvertTo-SecureString 'sk-pester' -AsPlainText) -GpuLayers 0 -Threads 1 -PassThru
        }
        finally { Pop-Location }
        $server | Should -BeOfType ModelOps.ModelServer
        $server.Models | Should -Be 'chat', 'demo'
        $server.RequiresKey | Should -BeTrue
        { Invoke-RestMethod "$($server.Endpoint)v1/models" } | Should -Throw
        $headers = @{ Authorization = 'Bearer sk-pester' }
        (Invoke-RestMethod "$($server.Endpoint)v1/models" -Headers $headers).data.id | Should -Be 'chat', 'demo'
        $body = @{ model = 'chat'; temperature = 0; max_tokens = 8; messages = @(@{ role = 'user'; content = 'hello' }) } | ConvertTo-Json -Depth 5
        $answer = Invoke-RestMethod "$($server.Endpoint)v1/chat/completions" -Method Post -Body $body -ContentType application/json -Headers $headers
        $answer.choices[0].message.content | Should -BeExactly (Invoke-Model hello $model -Temperature 0 -MaxTokens 8 -GpuLayers 0 -Threads 1).Text
        Get-ModelServer | Should -Be $server
        Get-ModelServer 'http://elsewhere:*' | Should -BeNullOrEmpty
        $server | Stop-ModelServer
        Get-ModelServer | Should -BeNullOrEmpty
        Get-Process -Id $server.ProcessId -ErrorAction Ignore | Should -BeNullOrEmpty
    }

    It 'tells the server times and a context as people write them, and rounds none of them' {
        $server = Start-ModelServer $model -Url http://127.0.0.1:0 -Idle 90s -Timeout 45s -ContextLength Max -GpuLayers 0 -Threads 1 -PassThru
        (Get-Process -Id $server.ProcessId).CommandLine | Should -Match '--context max .*--idle 90s --timeout 45 '
        $server | Stop-ModelServer
        { Start-ModelServer $model -Url http://127.0.0.1:0 -Idle 10 } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { Start-ModelServer $model -Url http://127.0.0.1:0 -Timeout Forever } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { Start-ModelServer $model -Url http://127.0.0.1:0 -ContextLength much } | Should -Throw -ErrorId 'CannotConvertArgumentNoMessage,*'
        { Start-ModelServer $model -Url http://127.0.0.1:0 -Timeout 0s } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Start-ModelServer $model -Url http://127.0.0.1:0 -Idle ([timespan]::FromMilliseconds(1500)) } | Should -Throw -ErrorId 'InvalidArgument,*'
        Get-ModelServer | Should -BeNullOrEmpty
    }

    It 'does not start where others reach it without a key' {
        { Start-ModelServer $model -Url http://0.0.0.0:0 } | Should -Throw -ErrorId 'InvalidArgument,ModelOps.PowerShell.Commands.StartModelServerCommand'
    }
}
