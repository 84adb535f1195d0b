BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $hub = Start-TestHub
    $work = New-TestFolder
    $store = Join-Path $work 'store'
    $env:MODELOPS_CLI = (Get-ChildItem (Join-Path $Root 'src/ModelOps.Cli/bin/*/net10.0/modelops.dll') | Sort-Object LastWriteTime | Select-Object -Last 1).FullName
}

AfterAll {
    Get-ModelMirror | Stop-ModelMirror
    Remove-Item Env:MODELOPS_CLI -ErrorAction Ignore
    Stop-TestHub $hub
    Remove-Item -Recurse -Force $work
}

Describe 'Start-ModelMirror' {
    AfterEach { Get-ModelMirror | Stop-ModelMirror }

    It 'prints the plan with -WhatIf and starts nothing' {
        Start-ModelMirror $store -Url http://127.0.0.1:0 -Upstream $hub.Url -PassThru -WhatIf | Should -BeNullOrEmpty
        Get-ModelMirror | Should -BeNullOrEmpty
    }

    It 'serves a hub through a store, and the store keeps what was asked for' {
        $mirror = Start-ModelMirror $store -Url http://127.0.0.1:0 -Upstream $hub.Url -PassThru
        $mirror | Should -BeOfType ModelOps.ModelMirror
        $mirror.Store | Should -Be $store
        $mirror.Upstream | Should -Be ([uri]$hub.Url)
        $mirror.RequiresToken | Should -BeFalse
        (Get-Process -Id $mirror.ProcessId).HasExited | Should -BeFalse
        $model = Install-Model modelops/demo-llama -Endpoint $mirror.Endpoint -Store (Join-Path $work 'mine')
        (Get-Model -Store $store).Commit | Should -Be $model.Commit
        Get-ModelMirror | Should -Be $mirror
        Get-ModelMirror 'http://127.0.0.1:*' | Should -Be $mirror
        Get-ModelMirror 'http://elsewhere:*' | Should -BeNullOrEmpty
        $mirror | Stop-ModelMirror
        Get-ModelMirror | Should -BeNullOrEmpty
        Get-Process -Id $mirror.ProcessId -ErrorAction Ignore | Should -BeNullOrEmpty
    }

    It 'serves what it has without upstream, relative to the location' {
        Push-Location $work
        try {
            $mirror = Start-ModelMirror store -Url http://127.0.0.1:0 -PassThru
            $mirror.Store | Should -Be $store
            (Find-Model -Endpoint $mirror.Endpoint).Repository | Should -Be 'modelops/demo-llama'
        }
        finally { Pop-Location }
    }

    It 'asks for its token' {
        $mirror = Start-ModelMirror $store -Url http://127.0.0.1:0 -Token (ConvertTo-SecureString 'lan-token' -AsPlainText) -PassThru
        $mirror.RequiresToken | Should -BeTrue
        { Invoke-RestMethod "$($mirror.Endpoint)api/models" } | Should -Throw
        (Invoke-RestMethod "$($mirror.Endpoint)api/models" -Headers @{ Authorization = 'Bearer lan-token' }).id | Should -Be 'modelops/demo-llama'
    }

    It 'ends with the session' {
        $id = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; (Start-ModelMirror '$store' -Url http://127.0.0.1:0 -PassThru).ProcessId"
        [int]$id | Should -BeGreaterThan 0
        for ($i = 0; $i -lt 300 -and (Get-Process -Id $id -ErrorAction Ignore); $i++) { Start-Sleep -Milliseconds 100 }
        Get-Process -Id $id -ErrorAction Ignore | Should -BeNullOrEmpty
    }

    It 'passes on why a mirror did not start' {
        (Get-WrittenError { Start-ModelMirror (Join-Path $work 'nowhere') -Url http://127.0.0.1:0 }).FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
        (Get-WrittenError { Start-ModelMirror $store -Url nonsense }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
    }

    It 'says what to do when the tool is absent' {
        $cli = $env:MODELOPS_CLI
        $env:MODELOPS_CLI = Join-Path $work 'absent'
        try {
            $caught = Get-WrittenError { Start-ModelMirror $store -Url http://127.0.0.1:0 }
            $caught.FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
            $caught.Exception.Message | Should -Match 'MODELOPS_CLI'
        }
        finally { $env:MODELOPS_CLI = $cli }
    }
}

Describe 'Stop-ModelMirror' {
    It 'writes an error for a process that is no mirror of this session' {
        (Get-WrittenError { Stop-ModelMirror -ProcessId $PID }).FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
    }
}
