BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $hub = Start-TestHub
    $env:HF_ENDPOINT = $hub.Url
    $work = New-TestFolder
    $store = Join-Path $work 'store'
    Push-Location $work
}

AfterAll {
    Pop-Location
    Remove-Item Env:HF_ENDPOINT -ErrorAction Ignore
    Stop-TestHub $hub
    Remove-Item -Recurse -Force $work
}

Describe 'Find-Model' {
    It 'finds a repository by words' {
        $found = @(Find-Model gemma qat)
        $found.Repository | Should -Be 'modelops/demo-gemma-qat'
        $found[0] | Should -BeOfType ModelOps.ModelSummary
    }

    It 'finds all repositories, and as many as are wanted' {
        (Find-Model).Repository | Sort-Object | Should -Be 'modelops/demo-gemma-qat', 'modelops/demo-llama'
        @(Find-Model -Limit 1).Count | Should -Be 1
        @(Find-Model | Select-Object -First 1).Count | Should -Be 1
    }

    It 'finds nothing without an error' {
        Find-Model no-such-model-anywhere -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'takes numbers of parameters as people write them' {
        $found = Find-Model gemma
        $found.Parameters | Should -BeGreaterThan 1000
        (Find-Model -MinimumParameters $found.Parameters -MaximumParameters $found.Parameters).Repository | Should -Be $found.Repository
        Find-Model -MinimumParameters 1.5B | Should -BeNullOrEmpty
        @(Find-Model -MaximumParameters 350M -License cc0-1.0 -Gated $false).Count | Should -Be 2
        Find-Model -GgufOnly | Should -BeNullOrEmpty
    }

    It 'refuses a range that is none' {
        (Get-WrittenError { Find-Model -MinimumParameters 7B -MaximumParameters 1B }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        { Find-Model -MinimumParameters many } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { Find-Model -MinimumParameters (-1) } | Should -Throw
    }

    It 'asks the hub of -Endpoint' {
        $caught = Get-WrittenError { Find-Model gemma -Endpoint 'http://127.0.0.1:9' }
        $caught.FullyQualifiedErrorId | Should -BeExactly 'NetworkFailure,ModelOps.PowerShell.Commands.FindModelCommand'
        $caught.CategoryInfo.Category | Should -Be 'ConnectionError'
    }

    It 'refuses an endpoint that is no address' {
        (Get-WrittenError { Find-Model gemma -Endpoint 'not-an-address' }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
    }

    It 'refuses to go online in offline mode, read when it is called' {
        $env:HF_HUB_OFFLINE = '1'
        try { (Get-WrittenError { Find-Model gemma }).FullyQualifiedErrorId | Should -BeLike 'Offline,*' }
        finally { Remove-Item Env:HF_HUB_OFFLINE }
        Find-Model gemma | Should -Not -BeNullOrEmpty
    }
}

Describe 'Get-ModelVariant' {
    It 'lists variants by the repository of a search' {
        $variant = Find-Model gemma | Get-ModelVariant
        $variant.Repository | Should -Be 'modelops/demo-gemma-qat'
        $variant.Name | Should -Be 'safetensors'
        $variant.Kind | Should -Be 'Checkpoint'
        $variant.Fits | Should -BeTrue
        $variant.Bytes | Should -Be (($variant.Files | Measure-Object Bytes -Sum).Sum)
    }

    It 'takes several repositories, writes an error for one that is missing and goes on' {
        $variants = Get-ModelVariant modelops/demo-gemma-qat, modelops/missing, modelops/demo-llama -ErrorAction SilentlyContinue -ErrorVariable caught
        $variants.Repository | Should -Be 'modelops/demo-gemma-qat', 'modelops/demo-llama'
        $caught.Count | Should -Be 1
        $caught[0].FullyQualifiedErrorId | Should -BeLike 'RepositoryNotFound,*'
        $caught[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $caught[0].TargetObject | Should -Be 'modelops/missing'
    }

    It 'leaves the fit out with -NoFit' {
        (Get-ModelVariant modelops/demo-llama -NoFit).Fits | Should -BeNullOrEmpty
    }

    It 'says which variants there are when one is missing' {
        $caught = Get-WrittenError { Get-ModelVariant modelops/demo-llama:Q4_K_M }
        $caught.FullyQualifiedErrorId | Should -BeLike 'VariantNotFound,*'
        $caught.ErrorDetails.RecommendedAction | Should -Match 'safetensors'
    }
}

Describe 'A GGUF repository' {
    BeforeAll {
        # The name says Q4_0, the header says BF16; any file does for a projector.
        $repository = New-Item -ItemType Directory -Force (Join-Path $work 'served/tiny/gemma')
        foreach ($name in 'gemma-Q4_0.gguf', 'mmproj-F16.gguf', 'mmproj-BF16.gguf') { Copy-Item (Join-Path $Golden 'gemma3/official.bf16.gguf') (Join-Path $repository $name) }
        $ggufHub = Start-TestHub (Join-Path $work 'served')
    }

    AfterAll { Stop-TestHub $ggufHub }

    It 'is found among GGUF repositories' {
        $found = Find-Model -GgufOnly -Endpoint $ggufHub.Url
        $found.Repository | Should -Be 'tiny/gemma'
        $found.Architecture | Should -Be 'gemma3'
        $found.ContextLength | Should -BeGreaterThan 0
    }

    It 'says what a variant holds, which is taken, and what goes with it' {
        $variant = Get-ModelVariant tiny/gemma -Endpoint $ggufHub.Url
        $variant.Name | Should -Be 'Q4_0'
        $variant.Quantization | Should -Be 'BF16'
        $variant.NameDisagrees | Should -BeTrue
        $variant.IsDefault | Should -BeTrue
        $variant.Fits | Should -BeTrue
        $variant.Companions.File.Path | Should -Be 'mmproj-BF16.gguf', 'mmproj-F16.gguf'
        @($variant.Companions)[0].File.Sha256 | Should -Be (Get-FileHash (Join-Path $repository 'mmproj-BF16.gguf')).Hash
        $variant | Out-String | Should -Match 'holds BF16'
    }

    It 'reads headers without the fit, or nothing' {
        (Get-ModelVariant tiny/gemma -NoFit -Endpoint $ggufHub.Url).NameDisagrees | Should -BeNullOrEmpty
        $variant = Get-ModelVariant tiny/gemma -NoFit -Header -Endpoint $ggufHub.Url
        $variant.NameDisagrees | Should -BeTrue
        $variant.Fits | Should -BeNullOrEmpty
    }

    It 'brings its projector along' {
        $model = Install-Model tiny/gemma -IncludeProjector -Store $work/projected -Endpoint $ggufHub.Url
        $model.Files.Path | Should -Be 'gemma-Q4_0.gguf', 'mmproj-F16.gguf'
        $model.Path | Should -BeLike '*gemma-Q4_0.gguf'
        Join-Path (Split-Path $model.Path) 'mmproj-F16.gguf' | Should -Exist
        (Get-WrittenError { Install-Model modelops/demo-llama -IncludeProjector -Store $work/projected }).FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
    }
}

Describe 'Get-ModelReference' {
    It 'lists what -Revision takes, and binds to it' {
        $reference = Find-Model llama | Get-ModelReference
        $reference | Should -BeOfType ModelOps.RepositoryReference
        $reference.Name | Should -Be 'main'
        $reference.Kind | Should -Be 'Branch'
        ($reference | Get-ModelVariant -NoFit).Commit | Should -Be $reference.Commit
    }

    It 'keeps silent for a pattern and complains for a name' {
        Get-ModelReference modelops/demo-llama 'v*' -ErrorAction Stop | Should -BeNullOrEmpty
        (Get-WrittenError { Get-ModelReference modelops/demo-llama v1 }).FullyQualifiedErrorId | Should -BeLike 'RevisionNotFound,*'
    }
}

Describe 'Test-ModelFit' {
    It 'judges a repository without downloading it' {
        $fit = Find-Model gemma | Test-ModelFit -ContextLength 512
        $fit.Fits | Should -BeTrue
        $fit.Repository | Should -Be 'modelops/demo-gemma-qat'
        $fit.Variant | Should -Be 'safetensors'
        $fit.Commit | Should -Match '^[0-9a-f]{40}$'
        $fit.ContextLength | Should -Be 512
        Test-Path $store | Should -BeFalse
    }

    It 'judges a checkpoint as the file that would be converted' {
        $bf16 = Test-ModelFit -Repository modelops/demo-gemma-qat -Type BF16
        $q4 = Test-ModelFit -Repository modelops/demo-gemma-qat -Type Q4_0
        $q4.Devices[0].WeightsBytes | Should -BeLessThan (0.5 * $bf16.Devices[0].WeightsBytes)
        $q4.Devices[0].KvCacheBytes | Should -Be $bf16.Devices[0].KvCacheBytes
    }

    It 'asks the engine itself with -Exact, without downloading weights' {
        $fit = Test-ModelFit modelops/demo-llama -Type Q4_K_M -ContextLength 512 -Exact
        $fit.Exact | Should -BeOfType ModelOps.ExactFit
        $fit.Exact.Failure | Should -BeNullOrEmpty
        $fit.Exact.Engine | Should -BeLike 'llama.cpp *'
        $weights = $fit.Exact.Parts | Where-Object Part -EQ Weights
        $weights.EngineBytes | Should -Be $fit.Devices[0].WeightsBytes
        [Math]::Abs($fit.Exact.DifferenceBytes) | Should -BeLessThan (0.03 * $fit.Exact.EngineBytes + 64KB)
        ($fit.Exact.Parts | Out-String) | Should -Match 'Formula +Engine +Difference'
        Test-Path $store | Should -BeFalse
    }

    It 'asks the engine about no other machine' {
        $caught = Get-WrittenError { Test-ModelFit modelops/demo-llama -Machine ref:cpu-16 -Exact }
        $caught.FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
    }

    It 'gives a bool with -Quiet' {
        Test-ModelFit modelops/demo-llama -Quiet | Should -BeExactly $true
    }

    It 'judges for the machine of a file' {
        $machine = Get-ModelHardware -MeasureBandwidth
        ($machine | ConvertTo-Json -Depth 4 -EnumsAsStrings) -replace '"FreeBytes": \d+', '"FreeBytes": 4096' | Set-Content tiny.json
        $fit = Test-ModelFit modelops/demo-llama -Machine tiny.json
        $fit.Fits | Should -BeFalse
        $fit.Devices[0].FreeBytes | Should -Be 4096
        $fit.TokensPerSecond.High | Should -BeGreaterThan 0
        Test-ModelFit modelops/demo-llama -Machine $machine -Quiet | Should -BeTrue
    }

    It 'writes an error for a file that holds no machine' {
        'not json' | Set-Content broken.json
        (Get-ModelHardware | ConvertTo-Json -Depth 4) -replace '(?s)"Devices": \[.*\]', '"Devices": null' | Set-Content hollow.json
        foreach ($file in 'broken.json', 'hollow.json') {
            $caught = Get-WrittenError { Test-ModelFit modelops/demo-llama -Machine $file }
            $caught.FullyQualifiedErrorId | Should -BeExactly 'InvalidArgument,ModelOps.PowerShell.Commands.TestModelFitCommand'
            $caught.ErrorDetails.RecommendedAction | Should -BeLike '*Get-ModelHardware -MeasureBandwidth*'
        }
        (Get-WrittenError { Test-ModelFit modelops/demo-llama -Machine nowhere.json }).FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
    }
}

Describe 'Install-Model' {
    It 'takes a variant once' {
        $caught = Get-WrittenError { Install-Model modelops/demo-llama:safetensors -Variant Q4_0 -Store $store }
        $caught.FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
    }

    It 'prints the plan with -WhatIf and leaves no file' {
        $printed = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Install-Model modelops/demo-gemma-qat -Store '$store' -WhatIf" | Out-String
        $printed | Should -Match 'What if: Install modelops/demo-gemma-qat safetensors'
        foreach ($file in (Get-ModelVariant modelops/demo-gemma-qat).Files) {
            $printed | Should -Match ([regex]::Escape($file.Path))
        }
        Test-Path $store | Should -BeFalse
    }

    It 'installs what a fit has been found for, the very commit, relative to the location' {
        $fit = Find-Model gemma | Get-ModelVariant | Test-ModelFit | Where-Object Fits
        $model = $fit | Install-Model -Store store
        $model | Should -BeOfType ModelOps.InstalledModel
        $model.Commit | Should -Be $fit.Commit
        $model.Path | Should -BeLike "$([WildcardPattern]::Escape($work))*"
        foreach ($file in $model.Files.Where{ $_.Sha256 }) {
            (Get-FileHash (Join-Path $model.Path $file.Path)).Hash | Should -Be $file.Sha256
        }
    }

    It 'fetches nothing that is already there' {
        $plan = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Install-Model modelops/demo-gemma-qat -Store '$store' -WhatIf" | Out-String
        $plan | Should -Match '0 B to fetch'
        $plan | Should -Match 'already here'
    }

    It 'writes an error for a missing repository, a missing variant and a missing revision' {
        (Get-WrittenError { Install-Model modelops/missing -Store $store }).FullyQualifiedErrorId | Should -BeLike 'RepositoryNotFound,*'
        (Get-WrittenError { Install-Model modelops/demo-llama Q4_K_M -Store $store }).FullyQualifiedErrorId | Should -BeLike 'VariantNotFound,*'
        (Get-WrittenError { Install-Model modelops/demo-llama -Revision nowhere -Store $store }).FullyQualifiedErrorId | Should -BeLike 'RevisionNotFound,*'
    }

    It 'takes as much of the network as it may' {
        $model = Install-Model modelops/demo-gemma-qat -Store limited -Connections 2 -MaximumBytesPerSecond 100MB
        $model.Bytes | Should -Be ($model.Files | Measure-Object Bytes -Sum).Sum
        { Install-Model modelops/demo-gemma-qat -Store limited -MaximumBytesPerSecond 0 } | Should -Throw -ErrorId 'ParameterArgumentValidationError*'
        { Install-Model modelops/demo-gemma-qat -Store limited -Connections -1 } | Should -Throw -ErrorId 'ParameterArgumentValidationError*'
    }
}

Describe 'Get-Model' {
    It 'lists what is installed' {
        $model = Get-Model -Store $store
        $model.Repository | Should -Be 'modelops/demo-gemma-qat'
        $model.Variant | Should -Be 'safetensors'
        Test-Path -LiteralPath $model.Path -PathType Container | Should -BeTrue
    }

    It 'keeps silent for a pattern and complains for a name' {
        Get-Model 'no-such-*' -Store $store -ErrorAction Stop | Should -BeNullOrEmpty
        Get-Model '*gemma*' -Store $store | Should -Not -BeNullOrEmpty
        (Get-WrittenError { Get-Model no/such -Store $store }).FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
    }

    It 'reads the environment when it is called' {
        $env:HF_HUB_CACHE = $store
        try { (Get-Model).Repository | Should -Be 'modelops/demo-gemma-qat' }
        finally { Remove-Item Env:HF_HUB_CACHE }
    }
}

Describe 'Completion' {
    It 'offers <Expected> for "<Text>"' -ForEach @(
        @{ Text = 'Convert-Model x -Type Q'; Expected = 'Q8_0' }
        @{ Text = 'Convert-Model x -Type b'; Expected = 'BF16' }
        @{ Text = 'Convert-Model x -OutputType q6'; Expected = 'Q6_K' }
        @{ Text = 'Convert-Model x -TensorType ffn_down=q6'; Expected = 'ffn_down=Q6_K' }
        @{ Text = 'Find-Model -Sort Tr'; Expected = 'Trending' }
        @{ Text = 'Test-ModelFit x -KvType q8'; Expected = 'Q8_0' }
        @{ Text = 'Install-Model modelops/demo-l'; Expected = 'modelops/demo-llama' }
        @{ Text = 'Install-Model modelops/demo-llama -Variant s'; Expected = 'safetensors' }
        @{ Text = 'Install-Model modelops/demo-llama -Revision '; Expected = 'main' }
    ) {
        (TabExpansion2 $Text $Text.Length).CompletionMatches.ListItemText | Should -Contain $Expected
    }

    It 'offers only types that a KV cache can have' {
        (TabExpansion2 'Test-ModelFit x -KvType ' 24).CompletionMatches.ListItemText | Should -Be ([ModelOps.FitRequest]::KvTypes | ForEach-Object ToString)
    }

    It 'offers the variants that are installed' {
        $text = "Get-Model -Store $store modelops/demo-gemma-qat -Variant "
        (TabExpansion2 $text $text.Length).CompletionMatches.ListItemText | Should -Be 'safetensors'
    }

    It 'offers installed models, then files' {
        'x' | Set-Content model-file.gguf
        $text = "Invoke-Model -Store $store -Model mo"
        $found = (TabExpansion2 $text $text.Length).CompletionMatches.ListItemText
        $found[0] | Should -Be 'modelops/demo-gemma-qat:safetensors'
        $found | Should -Contain 'model-file.gguf'
    }

    It 'keeps silent when there is no hub' {
        $text = 'Install-Model -Endpoint http://127.0.0.1:9 modelops/demo'
        (TabExpansion2 $text $text.Length).CompletionMatches | Where-Object ResultType -EQ 'ParameterValue' | Should -BeNullOrEmpty
    }
}
