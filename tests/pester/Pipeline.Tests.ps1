BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $hub = Start-TestHub
    $env:HF_ENDPOINT = $hub.Url
    $work = New-TestFolder
    $env:HF_HUB_CACHE = Join-Path $work 'store'
    Push-Location $work
    Get-Content $EvalText -TotalCount 60 | Set-Content sample.txt
}

AfterAll {
    Pop-Location
    Remove-Item Env:HF_ENDPOINT, Env:HF_HUB_CACHE -ErrorAction Ignore
    Stop-TestHub $hub
    Remove-Module ModelOps
    Remove-Item -Recurse -Force $work
}

Describe 'The whole job' {
    It 'composes in one pipeline: find, choose, fit, install, convert, measure' {
        $quality = Find-Model gemma | Get-ModelVariant | Test-ModelFit -Type Q4_0 | Where-Object Fits | Install-Model | Convert-Model -Type Q4_0 | Measure-Model -Text sample.txt
        $quality | Should -BeOfType ModelOps.QualityResult
        $quality.Model | Should -Be (Join-Path $work 'demo-gemma-qat-Q4_0.gguf')
        $quality.Tokens | Should -BeGreaterThan 100
        $quality.Perplexity | Should -BeGreaterThan 1
        $quality.Perplexity | Should -BeLessThan 200
    }

    It 'converts by the name of an installed model, into a folder' {
        $null = New-Item -ItemType Directory out
        $result = Convert-Model modelops/demo-gemma-qat BF16 -OutputPath out
        $result.Output | Should -Be (Join-Path $work 'out' 'demo-gemma-qat-BF16.gguf')
        $result.ExactFraction | Should -Be 1
        (Get-Item -LiteralPath $result.Output).Length | Should -Be $result.Bytes
    }

    It 'converts a vision tower to a projector by itself, and says that there is one' {
        $checkpoint = Join-Path $Golden 'gemma3-vision/hf'
        $text = Convert-Model $checkpoint BF16 -OutputPath out
        $text.Notes | Should -Match 'vision tower.* -Projector '
        $projector = Convert-Model $checkpoint BF16 -OutputPath out -Projector -NoProvenance
        $projector.Output | Should -Be (Join-Path $work 'out' 'mmproj-hf-BF16.gguf')
        $projector.Notes | Should -BeNullOrEmpty
        (Get-FileHash $projector.Output).Hash | Should -Be (Get-FileHash (Join-Path $Golden 'gemma3-vision/official.mmproj.bf16.gguf')).Hash
        $caught = Get-WrittenError { Convert-Model $checkpoint Q4_0 -OutputPath out -Projector }
        $caught.FullyQualifiedErrorId | Should -BeLike 'UnsupportedType,*'
    }

    It 'keeps the lattice, and does not when told so' {
        $lattice = Get-Model *gemma* | Convert-Model -Type Q4_0 -OutputPath lattice.gguf
        $naive = Get-Model *gemma* | Convert-Model -Type Q4_0 -NoLattice -OutputPath naive.gguf
        $lattice.LatticeExactFraction | Should -Be 1
        $naive.ExactFraction | Should -BeLessThan ($lattice.ExactFraction / 2)
        $lattice.Bytes | Should -Be $naive.Bytes
    }

    It 'describes what it wrote' {
        $info = Get-Item lattice.gguf | Get-ModelInfo
        $info.Architecture | Should -Be 'gemma3'
        $info.Quantization | Should -Be 'Q4_0'
        $info.Bytes | Should -Be (Get-Item lattice.gguf).Length
        $info.Metadata['general.architecture'] | Should -Be 'gemma3'
        ($info.Tensors | Measure-Object Bytes -Sum).Sum | Should -BeLessOrEqual $info.Bytes
    }

    It 'says that it fits' {
        $fit = Get-Item lattice.gguf | Test-ModelFit -ContextLength 256
        $fit.Fits | Should -BeTrue
        $fit.Path | Should -Be (Join-Path $work 'lattice.gguf')
    }

    It 'judges an installed model by its files, not by its repository' {
        $fit = Get-Model *gemma* | Test-ModelFit -Endpoint http://127.0.0.1:9
        $fit.Path | Should -Be (Get-Model *gemma*).Path
        $fit.Repository | Should -Be 'modelops/demo-gemma-qat'
    }

    It 'answers, the same every time without a temperature' {
        $first = Invoke-Model 'The weather in the mountains' -Model lattice.gguf -Raw -MaxTokens 12 -Temperature 0
        $second = Get-Item lattice.gguf | Invoke-Model -Prompt 'The weather in the mountains' -Raw -MaxTokens 12 -Temperature 0
        $first | Should -BeOfType ModelOps.GenerationResult
        $first.Text | Should -Not -BeNullOrEmpty
        $first.Text | Should -BeExactly $second.Text
        $first.Tokens.Count | Should -BeLessOrEqual 12
        $first.Prompt | Should -Be 'The weather in the mountains'
    }

    It 'answers every prompt of the pipeline, in order' {
        $answers = 'One', 'Two', 'Three' | Invoke-Model -Model lattice.gguf -MaxTokens 3 -Temperature 0
        $answers.Prompt | Should -Be 'One', 'Two', 'Three'
    }

    It 'streams the very text of the answer' {
        $whole = Invoke-Model 'A river' -Model lattice.gguf -Raw -MaxTokens 16 -Temperature 0
        $pieces = @(Invoke-Model 'A river' -Model lattice.gguf -Raw -MaxTokens 16 -Temperature 0 -Stream)
        $pieces.Count | Should -BeGreaterThan 1
        -join $pieces | Should -BeExactly $whole.Text
    }

    It 'runs GGUF files only, and says how to make one' {
        $caught = Get-WrittenError { Invoke-Model 'x' -Model modelops/demo-gemma-qat }
        $caught.FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        $caught.ErrorDetails.RecommendedAction | Should -Match 'Convert-Model'
    }

    It 'draws the same with the same seed' {
        $options = @{ Model = 'lattice.gguf'; Raw = $true; MaxTokens = 16; Temperature = 1; Seed = 42 }
        (Invoke-Model 'A river' @options).Text | Should -BeExactly (Invoke-Model 'A river' @options).Text
    }

    It 'feeds answers to the next prompt' {
        $chain = Invoke-Model 'A river' -Model lattice.gguf -Raw -MaxTokens 4 -Temperature 0 -Stream | Invoke-Model -Model lattice.gguf -Raw -MaxTokens 2 -Temperature 0
        $chain.Count | Should -BeGreaterThan 1
    }

    It 'measures the lattice closer to the original than plain rounding' {
        $near, $far = Get-Item lattice.gguf, naive.gguf | Measure-Model -Text sample.txt -Reference out/demo-gemma-qat-BF16.gguf
        $near.Kld | Should -BeGreaterThan 0
        $near.Kld | Should -BeLessThan ($far.Kld / 2)
        $near.Top1Agreement | Should -BeGreaterOrEqual $far.Top1Agreement
        $near.Reference | Should -Be (Join-Path $work 'out' 'demo-gemma-qat-BF16.gguf')
    }

    It 'suggests cmdlets, not the command line, in its recommendations' {
        $caught = Get-WrittenError { Invoke-Model 'x' -Model modelops/demo-lama }
        $caught.FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
        $caught.ErrorDetails.RecommendedAction | Should -Match 'Install-Model modelops/demo-lama'
    }

    It 'reports progress' {
        $other = [powershell]::Create()
        try {
            $null = $other.AddScript("Import-Module '$Root/ModelOps.psd1'; Set-Location '$work'; Convert-Model modelops/demo-gemma-qat Q8_0 -Force").Invoke()
            $other.Streams.Progress.Activity | Should -Contain 'Converting to Q8_0'
            $other.Streams.Progress[-1].RecordType | Should -Be 'Completed'
        }
        finally { $other.Dispose() }
    }
}

Describe 'Convert-Model' {
    It 'prints the plan with -WhatIf and leaves no file' {
        $before = Get-ChildItem $work -Recurse -File | ForEach-Object FullName
        $printed = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Convert-Model modelops/demo-gemma-qat Q4_0 -OutputPath planned.gguf -WhatIf" | Out-String
        $printed | Should -Match 'What if: Convert .*gemma3.* as Q4_0'
        $printed | Should -Match 'Q4_0 +\d+ tensors .*lattice'
        Get-ChildItem $work -Recurse -File | ForEach-Object FullName | Should -Be $before
    }

    It 'does not replace a file without -Force' {
        'GGUF precious' | Set-Content kept.gguf
        $caught = Get-WrittenError { Convert-Model modelops/demo-gemma-qat -OutputPath kept.gguf }
        $caught.FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        $caught.ErrorDetails.RecommendedAction | Should -BeLike '* -Force*'
        Get-Content kept.gguf | Should -Be 'GGUF precious'
        (Convert-Model modelops/demo-gemma-qat Q8_0 -OutputPath kept.gguf -Force).Type | Should -Be 'Q8_0'
    }

    It 'looks for relative paths where the session is, not where the process was started' {
        $elsewhere = [System.IO.Directory]::CreateDirectory((Join-Path $work 'elsewhere' 'files')).FullName
        Copy-Item lattice.gguf (Join-Path $elsewhere 'model')
        $process = [Environment]::CurrentDirectory
        try {
            [Environment]::CurrentDirectory = Split-Path $elsewhere
            (Get-WrittenError { Get-ModelInfo files/model }).FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
        }
        finally { [Environment]::CurrentDirectory = $process }
    }

    It 'names the types there are when one is wrong' {
        $caught = Get-WrittenError { Convert-Model modelops/demo-gemma-qat -Type Q99 }
        $caught.FullyQualifiedErrorId | Should -BeExactly 'InvalidArgument,ModelOps.PowerShell.Commands.ConvertModelCommand'
        $caught.CategoryInfo.Category | Should -Be 'InvalidArgument'
        "$caught $($caught.ErrorDetails.RecommendedAction)" | Should -Match 'Q8_0'
    }

    It 'converts an adapter, and merges it into its model' {
        $golden = Join-Path $Root 'tests/assets/golden'
        Copy-Item -Recurse (Join-Path $golden 'lora-llama/hf') my-adapter
        Copy-Item -Recurse (Join-Path $golden 'llama/hf') my-llama
        (Get-WrittenError { Convert-Model ./my-adapter F32 }).FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
        $adapter = Convert-Model ./my-adapter F32 -BaseModel my-llama
        Split-Path -Leaf $adapter.Output | Should -Be 'my-adapter-F32.gguf'
        (Get-FileHash $adapter.Output).Hash | Should -Not -BeNullOrEmpty
        $adapter.Tensors.Name | Should -Contain 'blk.0.attn_q.weight.lora_b'
        $merged = Convert-Model ./my-llama F32 -Adapter ./my-adapter:0.5 -OutputPath merged.gguf
        (Get-ModelInfo merged.gguf).Metadata['modelops.merged.scales'] | Should -Be 0.5
        $merged.Tensors.Count | Should -Be 21
    }

    It 'does not let one source replace what another has just become' {
        $caught = Get-WrittenError { Convert-Model ./my-llama, ./my-llama Q8_0 -OutputPath same.gguf -Force }
        $caught.FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        "$caught" | Should -Match 'another of these sources'
        'same.gguf' | Should -Exist
        (Get-WrittenError { Convert-Model ./my-llama F32 -BaseModel my-llama -OutputPath none.gguf }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
    }

    It 'overrides a recipe, and takes it back from a file' {
        $source = Join-Path $Golden 'llama/official.bf16.gguf'
        $result = Convert-Model $source Q4_0 -TensorType 'ffn_down=Q5_0', 'attn_v=Q8_0' -OutputType F16 -EmbeddingType q8_0 -PruneLayer 1 -Pure -NoFallback -OutputPath first.gguf
        ($result.Tensors | Where-Object Name -EQ 'blk.0.ffn_down.weight').Type | Should -Be 'Q5_0'
        ($result.Tensors | Where-Object Name -EQ 'output.weight').Type | Should -Be 'F16'
        ($result.Tensors | Where-Object Name -EQ 'token_embd.weight').Type | Should -Be 'Q8_0'
        $result.Tensors.Name | Should -Not -Contain 'blk.1.ffn_down.weight'
        $result.Recipe.ToJson() | Set-Content 'recipe.json'
        $null = Convert-Model $source -RecipeFile recipe.json -OutputPath second.gguf
        (Get-FileHash second.gguf).Hash | Should -Be (Get-FileHash first.gguf).Hash
        (Convert-Model $source Q8_0 -RecipeFile recipe.json -TensorType 'ffn_down=Q4_1' -OutputPath third.gguf).Tensors | Where-Object Name -EQ 'blk.0.ffn_down.weight' | ForEach-Object Type | Should -Be 'Q4_1'
    }

    It 'lists types that rows do not fit with -WhatIf, and refuses them when told so' {
        $source = Join-Path $Golden 'llama/official.bf16.gguf'
        $printed = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Convert-Model '$source' Q4_K_M -TensorType ffn_dwon=Q8_0 -OutputPath planned.gguf -WhatIf" | Out-String -Width 300
        $printed | Should -Match 'as Q4_K_M, ffn_dwon=Q8_0'
        $printed | Should -Match 'Q5_0 for Q4_K, \+1\.00 bits a weight'
        $printed | Should -Match "'ffn_dwon' is found in no tensor's name"
        $caught = Get-WrittenError { Convert-Model $source Q4_K_M -NoFallback -OutputPath planned.gguf }
        $caught.FullyQualifiedErrorId | Should -BeLike 'UnsupportedType,*'
        "$caught" | Should -Match 'blk.0.attn_q.weight'
        (Get-WrittenError { Convert-Model $source Q4_0 -PruneLayer '0-1' -OutputPath planned.gguf }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        (Get-WrittenError { Convert-Model $source Q4_0 -TensorType attn -OutputPath planned.gguf }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        'planned.gguf' | Should -Not -Exist
    }

    It 'converts to a size, by what rounding was measured to cost' {
        $source = Join-Path $DemoHub 'modelops/demo-llama'
        (Get-WrittenError { Measure-ModelSensitivity $source -Text sample.txt -OutputPath none/table.json }).FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
        $table = Measure-ModelSensitivity $source -Text sample.txt -ContextLength 64 -MaxTokens 128 -OutputPath table.json
        $table | Should -BeOfType ModelOps.SensitivityTable
        $written = Get-Content table.json -Raw
        (Get-WrittenError { Measure-ModelSensitivity $source -Text sample.txt -OutputPath table.json }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        Measure-ModelSensitivity $source -Text sample.txt -OutputPath table.json -Force -WhatIf | Should -BeNullOrEmpty
        (Get-WrittenError { $source, $source | Measure-ModelSensitivity -Text sample.txt -OutputPath table.json -Force -WhatIf }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        Get-Content table.json -Raw | Should -BeExactly $written
        $result = Convert-Model $source -TargetSize 2MB -Sensitivity table.json -TensorType 'attn_v=Q8_0' -OutputPath sized.gguf
        (Get-Item sized.gguf).Length | Should -BeLessOrEqual 2MB
        (Get-Item sized.gguf).Length | Should -BeGreaterThan 1.9MB
        ($result.Tensors | Where-Object Name -Like '*attn_v*').Type | Select-Object -Unique | Should -Be 'Q8_0'
        $machine = Get-ModelHardware
        (Convert-Model $source -Fit -Machine $machine -TargetSize 1500KB -OutputPath fitted.gguf).Bytes | Should -BeLessOrEqual 1500KB
        (Get-WrittenError { Convert-Model $source -TargetSize 1KB -OutputPath small.gguf }).FullyQualifiedErrorId | Should -BeLike 'DoesNotFit,*'
        (Get-WrittenError { Convert-Model $source Q4_0 -TargetSize 2MB -OutputPath small.gguf }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        $caught = Get-WrittenError { Convert-Model $source -TargetSize 2MB -Sensitivity none.json -OutputPath small.gguf }
        $caught.ErrorDetails.RecommendedAction | Should -Match 'Measure-ModelSensitivity'
        'small.gguf' | Should -Not -Exist
    }

    It 'shows a result on one line, and never rounds to exact' {
        $result = Convert-Model ./my-llama F16 -OutputPath view.gguf -SplitMaxSize 100KB
        $result.Files | Should -HaveCount 3
        $result.ExactFraction | Should -BeGreaterThan 0.9999
        $lines = ($result | Out-String -Width 80).Trim() -split '\r?\n'
        $lines.Count | Should -Be 3
        $lines[2] | Should -Match '^view-00001-of-00003.gguf +llama +F16 .* 99\.99 %'
    }

    It 'leaves no file of an unknown architecture' {
        Copy-Item -Recurse (Join-Path $DemoHub 'modelops/demo-llama') strange
        (Get-Content strange/config.json) -replace 'LlamaForCausalLM', 'StrangeForCausalLM' | Set-Content strange/config.json
        $caught = Get-WrittenError { Convert-Model strange }
        $caught.FullyQualifiedErrorId | Should -BeLike 'UnsupportedArchitecture,*'
        Get-ChildItem -Filter 'strange*' -File | Should -BeNullOrEmpty
    }
}

Describe 'Paths' {
    BeforeAll {
        Copy-Item (Join-Path $Golden 'llama/official.q8_0.gguf') 'model[1].gguf'
        Copy-Item (Join-Path $Golden 'llama/official.q8_0.gguf') 'model1.gguf'
    }

    It 'take wildcards in -Path' {
        (Get-ModelInfo 'model[1].gguf').Path | Should -Be (Join-Path $work 'model1.gguf')
        (Get-ModelInfo 'model*.gguf').Path | Should -Be (Join-Path $work 'model[1].gguf'), (Join-Path $work 'model1.gguf')
    }

    It 'take no wildcards in -LiteralPath' {
        (Get-ModelInfo -LiteralPath 'model[1].gguf').Path | Should -Be (Join-Path $work 'model[1].gguf')
        (Get-WrittenError { Get-ModelInfo -LiteralPath 'model*.gguf' }).FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
    }

    It 'bind files and records literally' {
        (Get-Item -LiteralPath 'model[1].gguf' | Get-ModelInfo).Path | Should -Be (Join-Path $work 'model[1].gguf')
        (Get-ModelInfo -LiteralPath 'model[1].gguf' | Get-ModelInfo).Path | Should -Be (Join-Path $work 'model[1].gguf')
        (Get-Item -LiteralPath 'model[1].gguf' | Test-ModelFit).Path | Should -Be (Join-Path $work 'model[1].gguf')
    }

    It 'follow the location of the session, and drives' {
        $null = New-PSDrive -Name Here -PSProvider FileSystem -Root $work
        try { (Get-ModelInfo Here:model1.gguf).Path | Should -Be (Join-Path $work 'model1.gguf') }
        finally { Remove-PSDrive Here }
        Push-Location out
        try { (Get-ModelInfo ../model1.gguf).Path | Should -Be (Join-Path $work 'model1.gguf') }
        finally { Pop-Location }
    }

    It 'of another provider are refused' {
        (Get-WrittenError { Get-ModelInfo -LiteralPath 'Env:PATH' }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
    }
}
