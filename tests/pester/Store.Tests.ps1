BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $hub = Start-TestHub
    $env:HF_ENDPOINT = $hub.Url
    $work = New-TestFolder
    $store = Join-Path $work 'store'
    Push-Location $work

    # A store with both demo models; each test that breaks it makes its own.
    function New-TestStore {
        $folder = Join-Path $work ([guid]::NewGuid().ToString('n'))
        # Not a copy: Copy-Item makes files of links.
        $null = Install-Model modelops/demo-gemma-qat, modelops/demo-llama -Store $folder
        $folder
    }

    $null = Install-Model modelops/demo-gemma-qat, modelops/demo-llama -Store $store
}

AfterAll {
    Pop-Location
    Remove-Item Env:HF_ENDPOINT -ErrorAction Ignore
    Stop-TestHub $hub
    Remove-Item -Recurse -Force $work
}

Describe 'Get-Model in a store' {
    It 'says what refers to a model and what it takes' {
        $model = Get-Model modelops/demo-gemma-qat -Store $store
        $model.References | Should -Be 'main'
        $model.IsCurrent | Should -BeTrue
        $model.Store | Should -Be $store
        $model.UniqueBytes | Should -BeLessOrEqual $model.Bytes
    }

    It 'filters by wildcards in both parts' {
        (Get-Model 'modelops/demo-g*:safe*' -Store $store).Repository | Should -Be 'modelops/demo-gemma-qat'
        Get-Model '*' 'Q4*' -Store $store | Should -BeNullOrEmpty
    }

    It 'shows incomplete models with -All, and warns of what is not known' {
        $broken = New-TestStore
        $weights = Get-ChildItem -Recurse $broken -Filter model.safetensors | Where-Object FullName -Like '*gemma*'
        Remove-Item $weights.ResolvedTarget
        'x' | Set-Content (Join-Path $broken 'models--modelops--demo-llama/blobs/stray')
        (Get-Model -Store $broken).Repository | Should -Be 'modelops/demo-llama'
        $all = Get-Model -All -Store $broken -WarningVariable warnings -WarningAction SilentlyContinue
        ($all | Where-Object { -not $_.IsComplete }).MissingFiles | Should -Be 'model.safetensors'
        $warnings -match 'stray' | Should -HaveCount 1
    }

    It 'lists the models of a shared store, and nothing changes them' {
        $env:MODELOPS_SHARED_STORE = $store
        try {
            $model = Get-Model modelops/demo-llama -Store (Join-Path $work 'own')
            $model.IsShared | Should -BeTrue
            (Get-WrittenError { $model | Uninstall-Model -Confirm:$false }).FullyQualifiedErrorId | Should -BeLike 'StoreNotWritable,*'
            (Get-WrittenError { Uninstall-Model modelops/demo-llama -Store (Join-Path $work 'own') -Confirm:$false }).FullyQualifiedErrorId | Should -BeLike 'StoreNotWritable,*'
        }
        finally { Remove-Item Env:MODELOPS_SHARED_STORE }
        Get-Model modelops/demo-llama -Store $store | Should -Not -BeNullOrEmpty
    }
}

Describe 'Test-Model' {
    It 'finds everything valid, from names and from the pipeline' {
        $results = Test-Model -Store $store
        $results.Repository | Sort-Object | Should -Be 'modelops/demo-gemma-qat', 'modelops/demo-llama'
        $results.State | Select-Object -Unique | Should -Be 'Valid'
        $piped = Get-Model '*llama' -Store $store | Test-Model
        $piped.Repository | Should -Be 'modelops/demo-llama'
        $piped.Bytes | Should -Be (Get-Model '*llama' -Store $store).Bytes
        Test-Model 'no-such-*' -Store $store | Should -BeNullOrEmpty
        (Get-WrittenError { Test-Model no/such -Store $store }).FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
    }

    It 'finds a flipped bit' {
        $broken = New-TestStore
        $weights = (Get-ChildItem -Recurse $broken -Filter model.safetensors | Where-Object FullName -Like '*llama*').ResolvedTarget
        $bytes = [System.IO.File]::ReadAllBytes($weights)
        $bytes[4321] = $bytes[4321] -bxor 1
        [System.IO.File]::WriteAllBytes($weights, $bytes)
        $result = Test-Model modelops/demo-llama -Store $broken
        $result.State | Should -Be 'Damaged'
        $result.Broken.Path | Should -Be 'model.safetensors'
        Test-Model -Store $broken -Quiet | Should -BeExactly $false
        Test-Model '*gemma*' -Store $broken -Quiet | Should -BeExactly $true

        $printed = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Test-Model modelops/demo-llama -Store '$broken' -Repair -WhatIf" | Out-String
        $printed | Should -Match 'What if: Repair modelops/demo-llama'
        Test-Model -Store $broken -Quiet | Should -BeExactly $false
        $repaired = Get-Model modelops/demo-llama -Store $broken | Test-Model -Repair
        $repaired.State | Should -Be 'Valid'
        $repaired.FetchedBytes | Should -Be 1MB
        Test-Model -Store $broken -Quiet | Should -BeExactly $true
    }
}

Describe 'Uninstall-Model' {
    It 'prints the plan with -WhatIf and removes nothing' {
        $printed = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Uninstall-Model modelops/demo-llama -Store '$store' -WhatIf" | Out-String
        $printed | Should -Match 'What if: Remove modelops/demo-llama'
        $printed | Should -Match 'model\.safetensors'
        @(Get-Model -Store $store).Count | Should -Be 2
    }

    It 'asks, so that nobody there means no' {
        pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Uninstall-Model modelops/demo-llama -Store '$store'" *> $null
        @(Get-Model -Store $store).Count | Should -Be 2
    }

    It 'removes what the pipeline brings, from the store it was found in' {
        $mine = New-TestStore
        $model = Get-Model '*gemma*' -Store $mine
        $result = $model | Uninstall-Model -Confirm:$false
        $result.Models.Repository | Should -Be 'modelops/demo-gemma-qat'
        ($result.Removed | Where-Object Kind -EQ Blob | Measure-Object Bytes -Sum).Sum | Should -Be $model.UniqueBytes
        (Get-Model -Store $mine).Repository | Should -Be 'modelops/demo-llama'
        Test-Path (Join-Path $mine 'models--modelops--demo-gemma-qat') | Should -BeFalse
        (Get-WrittenError { $model | Uninstall-Model -Confirm:$false }).FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
        Test-Model -Store $mine | Uninstall-Model -Confirm:$false
        Get-Model -Store $mine | Should -BeNullOrEmpty
    }
}

Describe 'Clear-ModelStore' {
    It 'takes garbage, and models only when asked to' {
        $mine = New-TestStore
        $garbage = Join-Path $mine "models--modelops--demo-llama/blobs/$('a' * 64)"
        'garbage' | Set-Content -NoNewline $garbage
        $printed = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Clear-ModelStore -Store '$mine' -WhatIf" | Out-String
        $printed | Should -Match 'no snapshot refers to it'
        Test-Path $garbage | Should -BeTrue
        $result = Clear-ModelStore -Store $mine
        $result.Removed.Path | Should -Be $garbage
        $result.Bytes | Should -Be 7
        Test-Path $garbage | Should -BeFalse
        (Clear-ModelStore -Store $mine -UnusedFor 90d -OldRevision).Removed | Should -BeNullOrEmpty
        (Clear-ModelStore -Store $mine -UnusedFor ([timespan]::Zero)).Models | Should -HaveCount 2
        Get-Model -Store $mine | Should -BeNullOrEmpty
    }

    It 'refuses what is no age' {
        { Clear-ModelStore -Store $store -UnusedFor long } | Should -Throw '*is no time*'
        # Nine millionths of a second, to PowerShell alone.
        { Clear-ModelStore -Store $store -UnusedFor 90 } | Should -Throw '*is no time*'
        { Clear-ModelStore -Store $store -PartialAge 90 } | Should -Throw '*is no time*'
        Clear-ModelStore -Store $store -PartialAge 7d -UnusedFor 30m -WhatIf | Should -BeNullOrEmpty
    }
}
