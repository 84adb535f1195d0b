# What administrators see of a fit: views, explanations, pipelines.

BeforeAll {
    . "$PSScriptRoot/Common.ps1"
    $hub = Start-TestHub
    $env:HF_ENDPOINT = $hub.Url
    $work = New-TestFolder
    $env:HF_HUB_CACHE = Join-Path $work 'store'
    Push-Location $work
    $model = Join-Path $Golden 'gemma3/official.bf16.gguf'
    function Show($InputObject) { (($InputObject | Out-String -Width 80) -replace '\e\[[0-9;]*m', '') -replace '\r' }
}

AfterAll {
    Pop-Location
    Remove-Item Env:HF_ENDPOINT, Env:HF_HUB_CACHE -ErrorAction Ignore
    Stop-TestHub $hub
    Remove-Module ModelOps
    Remove-Item -Recurse -Force $work
}

Describe 'What a fit cannot answer' {
    It 'warns of what has no effect' {
        $fit = Test-ModelFit $model -Machine ref:cpu-16 -CpuExpertLayers 2 -TensorSplit 3, 1 -TensorOverride 'nothing=CPU' -WarningVariable warned -WarningAction SilentlyContinue
        $warned | Should -HaveCount 3
        $fit.Warnings | Should -BeExactly @($warned.Message)
        Test-ModelFit $model -Machine ref:cpu-16 -WarningVariable none -WarningAction SilentlyContinue | Should -Not -BeNullOrEmpty
        $none | Should -BeNullOrEmpty
    }

    It 'refuses a type for a model that has its types, and one that there is not' {
        { Test-ModelFit $model -Machine ref:cpu-16 -Type Q4_0 -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Test-ModelFit (Join-Path $Golden 'gemma3/hf') -Machine ref:cpu-16 -Type nope -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument,*'
    }

    It 'answers for the other machines of a fleet where a request makes no sense on one' {
        $fits = Test-ModelFit $model -Machine ref:rtx-4090-24, ref:cpu-16 -TensorOverride 'ffn_up=GPU3' -ErrorVariable caught -ErrorAction SilentlyContinue -WarningAction SilentlyContinue
        $fits.Machine | Should -BeExactly 'cpu-16'
        $caught | Should -HaveCount 1
    }

    It 'tells machines of one name apart' {
        $machine = (Get-ModelHardware -Reference cpu-16)
        $machine | ConvertTo-Json -Depth 4 | Set-Content twin.json
        (Test-ModelFit $model -Machine twin.json, ref:cpu-16).Machine | Should -BeExactly @('cpu-16', 'cpu-16 (ref:cpu-16)')
    }
}

Describe 'The explanation of a fit' {
    BeforeAll {
        $fit = Test-ModelFit $model -ContextLength 4096 -Machine ref:rtx-4090-24
    }

    It 'has parts that add up, each with its formula' {
        foreach ($device in $fit.Explanation.Devices) {
            ($device.Parts | Measure-Object Bytes -Sum).Sum | Should -Be $device.TotalBytes
            $device.MarginBytes | Should -Be ($device.FreeBytes - $device.TotalBytes)
            foreach ($part in $device.Parts) {
                $part.How | Should -Not -BeNullOrEmpty
                $part.LowBytes | Should -BeLessOrEqual $part.Bytes
                $part.HighBytes | Should -BeGreaterOrEqual $part.Bytes
            }
        }
        ($fit.Explanation.Devices[1].Parts | Where-Object Kind -EQ KvCache).How | Should -BeLike '*1 layer × 1 head × 16 × 2 × 4096 cells*(window)*2 bytes (F16)'
    }

    It 'is shown with -Explain, by the same objects' {
        $explained = Test-ModelFit $model -ContextLength 4096 -Machine ref:rtx-4090-24 -Explain
        $explained | Should -BeOfType ModelOps.FitResult
        $explained.Devices[1].TotalBytes | Should -Be $fit.Devices[1].TotalBytes
        $text = Show $explained
        $text | Should -Match '(?m)^Parts +: CPU$'
        $text | Should -Match 'KvCache +\d.*\(exact\): '
        $text | Should -Match '(?m)^RestsOn +: The '
        ($text -split '\n').Length | Should -BeGreaterThan 20
        ($text -split '\n').ForEach{ $_.Length } | Sort-Object -Bottom 1 | Should -BeLessOrEqual 80
        Show ($fit | Format-List -View Explain) | Should -BeExactly $text
    }

    It 'keeps to its ordinary views without' {
        Show $fit | Should -Match '(?m)^official\.bf16\.gguf +rtx-4090-24 +yes +4096'
        $list = Show ($fit | Format-List)
        $list | Should -Match '(?m)^Memory +: CPU '
        $list | Should -Not -Match 'RestsOn'
    }

    It 'shows <_> as a table of eighty columns' -ForEach 'parts', 'devices' {
        $text = Show ($_ -eq 'parts' ? $fit.Explanation.Devices[1].Parts : $fit.Explanation.Devices)
        $text | Should -Match ($_ -eq 'parts' ? 'exact' : 'Margin')
        ($text -split '\n').ForEach{ $_.Length } | Sort-Object -Bottom 1 | Should -BeLessOrEqual 80
        $text | Should -Not -Match '…'
    }

    It 'draws the memory of every device' {
        $lines = $fit.Picture -split '\r?\n'
        $lines.Length | Should -Be ($fit.Devices.Count + 1)
        $lines[0..($lines.Length - 2)].ForEach{ $_.Length } | Sort-Object -Bottom 1 | Should -BeLessOrEqual 80
        $lines[-1] | Should -Match 'weights.*KV cache and state.*compute.*other.*free'
    }

    It 'goes to JSON and comes back' {
        $back = $fit | ConvertTo-Json -Depth 6 -EnumsAsStrings | ConvertFrom-Json
        $back.Explanation.Devices[1].Parts.Kind | Should -Be $fit.Explanation.Devices[1].Parts.Kind.ForEach{ "$_" }
        $back.Explanation.Certainty | Should -BeExactly 'Sure'
    }
}

Describe 'A fit in a pipeline' {
    It 'chooses the variants to install' {
        $printed = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Get-ModelVariant modelops/demo-gemma-qat | Test-ModelFit | Where-Object Fits | Install-Model -WhatIf" | Out-String
        $printed | Should -Match 'What if: Install modelops/demo-gemma-qat safetensors'
        Test-Path $env:HF_HUB_CACHE | Should -BeFalse
        Get-ModelVariant modelops/demo-gemma-qat | Test-ModelFit -Machine ref:cpu-16 -ContextLength 1 | Where-Object Fits | Should -Not -BeNullOrEmpty
    }

    It 'runs what it was asked about' {
        $answer = Test-ModelFit $model -ContextLength 256 | Invoke-Model -Prompt 'hello' -Raw -MaxTokens 2 -Temperature 0
        $answer | Should -BeOfType ModelOps.GenerationResult
        $answer.Model | Should -BeExactly $model
        $direct = Invoke-Model 'hello' -Model $model -ContextLength 256 -Raw -MaxTokens 2 -Temperature 0
        $answer.Tokens | Should -Be $direct.Tokens
    }

    It 'tells the machines of a fleet apart' {
        $text = Show (Test-ModelFit $model -Machine ref:cpu-*)
        foreach ($name in 'cpu-16', 'cpu-32', 'cpu-64') { $text | Should -Match "(?m)^official.* $name +yes" }
        ($text -split '\n').ForEach{ $_.Length } | Sort-Object -Bottom 1 | Should -BeLessOrEqual 80
    }
}
