BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $work = New-TestFolder
    $env:HF_HUB_CACHE = Join-Path $work 'store'
    $source = Join-Path $Root 'src/ModelOps.Cli/demo/hub/modelops/demo-gemma-qat'
    Push-Location $work
}

AfterAll {
    Pop-Location
    Remove-Item Env:HF_HUB_CACHE -ErrorAction Ignore
    Remove-Module ModelOps
    Remove-Item -Recurse -Force $work
}

Describe 'Export-Model' {
    It 'prints the plan with -WhatIf and leaves no folder' {
        $printed = pwsh -NoProfile -NonInteractive -Command "Import-Module '$Root/ModelOps.psd1'; Export-Model '$source' mlx ./planned -WhatIf" | Out-String
        $printed | Should -Match 'What if: Export .*Gemma3ForCausalLM.* for mlx'
        $printed | Should -Match 'lattice kept: 4 bit, group 32, symmetric'
        Get-ChildItem $work | Should -BeNullOrEmpty
    }

    It 'keeps the lattice for either ecosystem, and reads it back' {
        foreach ($format in 'mlx', 'compressed-tensors') {
            $result = Get-Item $source | Export-Model -To $format -OutputPath "./$format"
            $result | Should -BeOfType ModelOps.ExportResult
            $result.ExactFraction | Should -Be 1
            $result.LargestError | Should -Be 0
            ($result.Tensors | Where-Object Treatment -EQ Lattice).Scheme.Bits | Sort-Object -Unique | Should -Be 4
            (Convert-Model $result.Output Q4_0 -OutputPath "$format.gguf").Tensors.Count | Should -Be $result.Tensors.Count
        }
        $result | Out-String | Should -Match 'compressed-tensors.*100'
    }

    It 'takes a GGUF file with the checkpoint that it was made from' {
        $gguf = Convert-Model $source Q8_0 -OutputPath model.gguf
        (Get-WrittenError { $gguf | Export-Model -To mlx -OutputPath from-gguf }).ErrorDetails.RecommendedAction | Should -Match ' -Base'
        $result = $gguf | Export-Model -To mlx -OutputPath from-gguf -BaseModel $source
        $result.LatticeExactFraction | Should -BeGreaterThan 0
    }

    It 'does not replace a folder without -Force, and only a model''s with it' {
        $caught = Get-WrittenError { Export-Model $source mlx ./mlx }
        $caught.FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        $caught.ErrorDetails.RecommendedAction | Should -BeLike '* -Force*'
        (Export-Model $source mlx ./mlx -Force).Output | Should -Be (Join-Path $work 'mlx')
        $null = New-Item -ItemType Directory home
        'dear' | Set-Content home/letter.txt
        (Get-WrittenError { Export-Model $source mlx ./home -Force }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        Get-Content home/letter.txt | Should -Be 'dear'
    }

    It 'completes the formats' {
        $line = 'Export-Model x -To '
        ([System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)).CompletionMatches.CompletionText | Should -Be 'mlx', 'compressed-tensors'
    }
}
