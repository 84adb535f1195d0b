BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $hub = Start-TestHub
    $env:HF_ENDPOINT = $hub.Url
    $work = New-TestFolder
    $store = Join-Path $work 'store'
    $other = Join-Path $work 'other'
    Push-Location $work
    $model = Install-Model modelops/demo-llama -Store $store

    # What -WhatIf prints goes to the host: another process shows it.
    function Get-Plan([string] $Command) {
        pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Set-Location '$work'; $Command -WhatIf" | Out-String
    }
}

AfterAll {
    Pop-Location
    Remove-Item Env:HF_ENDPOINT, Env:HF_HUB_OFFLINE -ErrorAction Ignore
    Stop-TestHub $hub
    Remove-Item -Recurse -Force $work
}

Describe 'Save-Model' {
    It 'prints the plan and saves nothing with -WhatIf' {
        Get-Plan "Save-Model modelops/demo-llama saved -Store '$store'" | Should -Match 'What if: Save modelops/demo-llama safetensors.*saved: \S+ \S+ from the store, 0 B to fetch'
        Test-Path saved | Should -BeFalse
    }

    It 'saves an installed model as plain files, without a hub, for the next cmdlet' {
        $env:HF_HUB_OFFLINE = '1'
        try { $saved = Get-Model -Store $store | Save-Model -Directory saved -Store $store }
        finally { Remove-Item Env:HF_HUB_OFFLINE }
        $saved | Should -BeOfType ModelOps.SavedModel
        $saved.Path | Should -Be (Join-Path $work 'saved')
        Get-ChildItem saved | Where-Object LinkTarget | Should -BeNullOrEmpty
        foreach ($file in $saved.Files) { (Get-FileHash (Join-Path saved $file.Path)).Hash | Should -Be $file.Sha256 }
        ($saved | Get-ModelInfo).Architecture | Should -Be 'LlamaForCausalLM'
    }

    It 'replaces another file only with -Force' {
        'mine' | Set-Content saved/config.json
        (Get-WrittenError { Save-Model modelops/demo-llama saved -Store $store }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        Get-Content saved/config.json | Should -Be 'mine'
        Save-Model modelops/demo-llama saved -Store $store -Force | Should -Not -BeNullOrEmpty
        Get-Content -Raw saved/config.json | Should -Be (Get-Content -Raw (Join-Path $model.Path config.json))
    }

    It 'downloads what is not installed, into the folder only' {
        Save-Model modelops/demo-gemma-qat fetched -Store (Join-Path $work 'empty') | Should -Not -BeNullOrEmpty
        Get-Model -Store (Join-Path $work 'empty') | Should -BeNullOrEmpty
    }
}

Describe 'Import-Model' {
    It 'imports a folder under a name, and does it once' {
        Get-Plan "Import-Model saved -Name acme/llama -Store '$other'" | Should -Match 'What if: Import .*saved as acme/llama \(safetensors\)'
        Test-Path $other | Should -BeFalse
        $imported = Import-Model saved -Name acme/llama -Store $other
        $imported | Should -BeOfType ModelOps.InstalledModel
        (Get-Model acme/llama -Store $other).Commit | Should -Be $imported.Commit
        Get-Plan "Import-Model saved -Name acme/llama -Store '$other'" | Should -Match '0 B to copy'
        # The content decides, not where it came from.
        $imported.Commit | Should -Be $model.Commit
    }

    It 'takes files from the pipeline, and moves them' {
        $null = New-Item -ItemType Directory 'a[1]'
        $null = Convert-Model -LiteralPath $model.Path -Type Q8_0 -OutputPath 'a[1]/tiny-Q8_0.gguf'
        $imported = Get-ChildItem -LiteralPath 'a[1]' | Import-Model -Move -Store $other
        "$($imported.Repository):$($imported.Variant)" | Should -Be 'local/tiny:Q8_0'
        Test-Path -LiteralPath 'a[1]/tiny-Q8_0.gguf' | Should -BeFalse
    }

    It 'refuses what is no model, and goes on' {
        'x' | Set-Content broken-Q4_0.gguf
        $imported = Import-Model broken-Q4_0.gguf, nowhere.gguf, saved -Store $other -ErrorAction SilentlyContinue -ErrorVariable caught
        $imported.Repository | Should -Be 'local/saved'
        $caught.FullyQualifiedErrorId | Should -Be 'CorruptFile,ModelOps.PowerShell.Commands.ImportModelCommand', 'ModelNotFound,ModelOps.PowerShell.Commands.ImportModelCommand'
    }
}

Describe 'Export-ModelBundle and Install-Model -Bundle' {
    It 'writes <Name> and installs it without a network' -ForEach @(@{ Name = 'models.tar' }, @{ Name = 'models' }) {
        Get-Plan "Get-Model -Store '$store' | Export-ModelBundle -OutputPath $Name -Store '$store'" | Should -Match "What if: Write .*$Name"
        Test-Path $Name | Should -BeFalse
        $written = Get-Model -Store $store | Export-ModelBundle -OutputPath $Name -Store $store
        $written | Should -BeOfType ModelOps.BundleResult
        if ($written.Sha256) { (Get-FileHash $Name).Hash | Should -Be $written.Sha256 }
        ($written | Out-String) -replace '\e\[[0-9;]*m', '' | Should -Match 'modelops/demo-llama:safetensors'

        $target = Join-Path $work "from-$Name"
        $env:HF_HUB_OFFLINE = '1'
        try {
            Get-Plan "Install-Model -Bundle $Name -Store '$target'" | Should -Match 'What if: Install from [^\n]+\s+modelops/demo-llama:safetensors model.safetensors'
            Test-Path $target | Should -BeFalse
            $installed = $written | Install-Model -Store $target
            (Install-Model modelops/demo-llama -Bundle $Name -Store $target).Commit | Should -Be $model.Commit
            # What is there needs no hub any more.
            (Install-Model modelops/demo-llama -Store $target).Commit | Should -Be $model.Commit
        }
        finally { Remove-Item Env:HF_HUB_OFFLINE }
        $installed.Commit | Should -Be $model.Commit
        foreach ($file in $installed.Files) { (Get-FileHash (Join-Path $installed.Path $file.Path)).Hash | Should -Be $file.Sha256 }
    }

    It 'writes no bundle when a model is missing, or over another bundle' {
        { Export-ModelBundle modelops/demo-llama, no/such new.tar -Store $store } | Should -Throw -ErrorId 'ModelNotFound,*'
        Test-Path new.tar | Should -BeFalse
        { Export-ModelBundle modelops/demo-llama models.tar -Store $store } | Should -Throw -ErrorId 'InvalidArgument,*'
    }

    It 'refuses a bundle that was cut off, a model that is not in it, and one that is not there' {
        Copy-Item models.tar cut.tar
        $cut = [System.IO.File]::OpenWrite((Join-Path $work cut.tar))
        $cut.SetLength($cut.Length / 2)
        $cut.Close()
        $none = Join-Path $work 'none'
        (Get-WrittenError { Install-Model -Bundle cut.tar -Store $none }).FullyQualifiedErrorId | Should -BeLike 'CorruptFile,*'
        (Get-WrittenError { Install-Model no/such -Bundle models.tar -Store $none }).FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
        (Get-WrittenError { Install-Model -Bundle nowhere.tar -Store $none }).FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
        Get-Model -Store $none | Should -BeNullOrEmpty
    }

    It 'completes the models to bundle' {
        $text = "Export-ModelBundle -Store $store mod"
        (TabExpansion2 $text $text.Length).CompletionMatches[0].ListItemText | Should -Be 'modelops/demo-llama:safetensors'
    }
}
