BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $work = New-TestFolder
    $env:XDG_DATA_HOME = Join-Path $work 'data'
    $golden = Join-Path $Root 'tests/assets/golden/llama/official.f32.gguf'
}

AfterAll {
    Remove-Item Env:XDG_DATA_HOME, Env:MODELOPS_RUNTIME -ErrorAction Ignore
    Remove-Item -Recurse -Force $work
}

Describe 'Get-ModelRuntime' {
    It 'lists the runtimes of the platform with the one that came along chosen' {
        $runtimes = Get-ModelRuntime
        $runtimes | Should -BeOfType ModelOps.ModelRuntime
        $chosen = @($runtimes | Where-Object IsChosen)
        $chosen.Count | Should -Be 1
        $chosen.State | Should -Be 'Bundled'
        $chosen.Reason | Should -Match 'hardware'
        $runtimes.Packages.Integrity | Should -Match '^sha512-'
    }

    It 'starts the chosen one in the worker' {
        Get-ModelRuntime -Probe -Verbose 4>&1 | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] } | Should -Match 'GPU'
    }

    It 'refuses what does not exist' {
        { Get-ModelRuntime rocm -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument,*'
    }
}

Describe 'Set-ModelRuntime' {
    It 'refuses a runtime that is not installed and says how to add it' {
        $name = (Get-ModelRuntime | Where-Object State -eq Available | Select-Object -First 1).Backend
        if (-not $name) { Set-ItResult -Skipped -Because 'the platform has one runtime' }
        Set-ModelRuntime $name -ErrorVariable failed -ErrorAction SilentlyContinue
        $failed[0].FullyQualifiedErrorId | Should -BeLike 'EngineNotFound,*'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match 'Install-ModelRuntime'
    }

    It 'keeps a choice for the process or the user, and Auto ends it' {
        $name = (Get-ModelRuntime | Where-Object IsChosen).Backend
        (Set-ModelRuntime $name -Scope Process).Reason | Should -Match 'MODELOPS_RUNTIME'
        (Invoke-Model a $golden -Raw -MaxTokens 2).Tokens.Count | Should -Be 2
        Remove-Item Env:MODELOPS_RUNTIME
        (Set-ModelRuntime $name).Reason | Should -Match 'runtime use'
        (Set-ModelRuntime Auto).Reason | Should -Match 'hardware'
        Set-ModelRuntime $name -WhatIf | Should -BeNullOrEmpty
    }
}

Describe 'Install-ModelRuntime' {
    It 'refuses an archive with another digest and adds nothing' {
        $archive = Join-Path $work 'x.tgz'
        Set-Content $archive 'not the package'
        $plan = Get-ModelRuntime | Select-Object -First 1
        $files = @($archive) * $plan.Packages.Count
        Install-ModelRuntime $plan.Backend -LiteralPath $files -ErrorVariable failed -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $failed[0].FullyQualifiedErrorId | Should -BeLike 'ChecksumMismatch,*'
        Get-ChildItem (Join-Path $work 'data') -Recurse -Directory | Where-Object Name -like '*3.*' | Should -BeNullOrEmpty
        $plan | Install-ModelRuntime -WhatIf | Should -BeNullOrEmpty
        Uninstall-ModelRuntime $plan.Backend -Confirm:$false -ErrorVariable gone -ErrorAction SilentlyContinue
        $gone[0].FullyQualifiedErrorId | Should -BeLike 'EngineNotFound,*'
    }
}
