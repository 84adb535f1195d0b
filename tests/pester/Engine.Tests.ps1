BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $model = Join-Path $Golden 'llama/official.q8_0.gguf'
    $work = New-TestFolder
    $question = @{ Prompt = 'Once upon a time'; Model = $model; Raw = $true; Temperature = 0 }
    # The model goes in circles on this prompt, until the context is full: many seconds in which to disturb it.
    $endless = @{ Prompt = 'a'; Model = $model; Raw = $true; Temperature = 0; MaxTokens = 100000; ContextLength = 32768 }

    # A well-formed file with a value that only llama.cpp minds: an odd number of rotated dimensions, on which it asserts.
    function New-AbortingModel([string] $Path) {
        $whole = [System.IO.File]::ReadAllBytes((Join-Path $Golden 'gemma3/official.f32.gguf'))
        $stream = [System.IO.MemoryStream]::new()
        $writer = [System.IO.BinaryWriter]::new($stream)
        $writer.Write($whole, 0, 16)
        $writer.Write([BitConverter]::ToUInt64($whole, 16) + 2)
        foreach ($pair in @(@('gemma3.rope.dimension_count', 4), @('x', 8))) {
            $writer.Write([ulong]$pair[0].Length)
            $writer.Write([System.Text.Encoding]::ASCII.GetBytes($pair[0]))
            $writer.Write([uint]$pair[1])
            # A number, and an empty string that makes the two 64 bytes long: what follows stays aligned.
            $pair[1] -eq 4 ? $writer.Write([uint]15) : $writer.Write([ulong]0)
        }
        $writer.Write($whole, 24, $whole.Length - 24)
        [System.IO.File]::WriteAllBytes($Path, $stream.ToArray())
    }
}

AfterAll {
    Remove-Module ModelOps
    Remove-Item -Recurse -Force $work
}

Describe 'The worker' {
    It 'stays for the next call, with the model' {
        $null = Invoke-Model @question -MaxTokens 2
        $first = Get-Worker
        $null = Invoke-Model @question -MaxTokens 2
        @($first).Count | Should -Be 1
        (Get-Worker).Id | Should -Be $first.Id
    }

    It 'may be killed in the middle of an answer: an error, and the next call works' {
        $pieces = [System.Collections.Generic.List[string]]::new()
        { Invoke-Model @endless -Stream | ForEach-Object { if ($killed -ne $PID) { Get-Worker | Stop-Process -Force; $killed = $PID }; $pieces.Add($_) } } | Should -Throw -ErrorId 'EngineCrashed,ModelOps.PowerShell.Commands.InvokeModelCommand' -PassThru |
            ForEach-Object { $_.CategoryInfo.Category | Should -Be 'InvalidResult' }
        $pieces | Should -Not -BeNullOrEmpty
        (Invoke-Model @question -MaxTokens 2).Tokens.Count | Should -BeGreaterThan 0
    }

    It 'takes an abort of llama.cpp upon itself: the session lives, and the next call works' {
        $bad = Join-Path $work 'aborting.gguf'
        New-AbortingModel $bad
        (Get-ModelInfo -LiteralPath $bad).Metadata['gemma3.rope.dimension_count'] | Should -Be 15
        { Invoke-Model 'x' -Model $bad -Raw -MaxTokens 2 } | Should -Throw '*GGML_ASSERT*' -ErrorId 'EngineCrashed,ModelOps.PowerShell.Commands.InvokeModelCommand'
        (Invoke-Model @question -MaxTokens 2).Tokens.Count | Should -BeGreaterThan 0
    }

    It 'stops an answer when the pipeline is stopped, and keeps the model' {
        $other = [powershell]::Create()
        try {
            $null = $other.AddScript("Import-Module '$Root/ModelOps.psd1'; Invoke-Model '$($endless.Prompt)' -Model '$model' -Raw -Temperature 0 -MaxTokens 100000 -ContextLength 32768 -Stream")
            $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
            $running = $other.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
            while ($output.Count -eq 0 -and -not $running.IsCompleted) { Start-Sleep -Milliseconds 20 }
            $worker = (Get-Worker).Id
            $other.Stop()
            $other.InvocationStateInfo.State | Should -Be 'Stopped'
            (Get-Worker).Id | Should -Be $worker
        }
        finally { $other.Dispose() }
        (Invoke-Model @question -MaxTokens 2).Tokens.Count | Should -BeGreaterThan 0
    }

    It 'stops an answer when nobody wants more of it' {
        $one = Invoke-Model @endless -Stream | Select-Object -First 1
        $one | Should -Not -BeNullOrEmpty
        (Invoke-Model @question -MaxTokens 2).Tokens.Count | Should -BeGreaterThan 0
    }

    It 'serves runspaces in turn' {
        $answers = 1..4 | ForEach-Object -ThrottleLimit 4 -Parallel { Import-Module "$using:Root/ModelOps.psd1"; Invoke-Model 'Once upon a time' -Model $using:model -Raw -Temperature 0 -MaxTokens 5 }
        $answers.Count | Should -Be 4
        $answers.Text | Select-Object -Unique | Should -HaveCount 1
        @(Get-Worker).Count | Should -Be 1
    }

    It 'ends when the module is removed' {
        $count = pwsh -NoProfile -NonInteractive -Command "
            Import-Module '$Root/ModelOps.psd1'
            `$null = Invoke-Model 'Once' -Model '$model' -Raw -MaxTokens 1
            `$worker = Get-Process -Name pwsh | Where-Object { `$_.Parent.Id -eq `$PID }
            Remove-Module ModelOps
            `$worker.WaitForExit()
            @(`$worker).Count"
        $count | Should -Be 1
    }
}

Describe 'Bad models' {
    It 'are refused before native code sees them: <Name>' -ForEach @(
        @{ Name = 'a truncated file'; Make = { param($bytes) , $bytes[0..($bytes.Length / 2)] } }
        @{ Name = 'a file that is no GGUF'; Make = { param($bytes) , [byte[]](1..255) } }
        @{ Name = 'an empty file'; Make = { param($bytes) , [byte[]]@() } }
        @{ Name = 'a tensor count of 2^63'; Make = { param($bytes) $copy = [byte[]]$bytes.Clone(); [BitConverter]::GetBytes([ulong]9223372036854775808).CopyTo($copy, 8); , $copy } }
    ) {
        $bytes = [System.IO.File]::ReadAllBytes($model)
        $bad = Join-Path $work 'bad.gguf'
        [System.IO.File]::WriteAllBytes($bad, (& $Make $bytes))
        (Get-WrittenError { Get-ModelInfo -LiteralPath $bad }).FullyQualifiedErrorId | Should -BeLike 'CorruptFile,*'
        $caught = Get-WrittenError { Invoke-Model 'x' -Model $bad }
        $caught.FullyQualifiedErrorId | Should -BeLike 'CorruptFile,*'
        $caught.CategoryInfo.Category | Should -Be 'InvalidData'
    }

    It 'that are missing are not found' {
        (Get-WrittenError { Invoke-Model 'x' -Model (Join-Path $work 'missing.gguf') }).CategoryInfo.Category | Should -Be 'ObjectNotFound'
        (Get-WrittenError { Measure-Model (Join-Path $work 'missing.gguf') -Text $EvalText }).CategoryInfo.Category | Should -Be 'ObjectNotFound'
    }

    It 'are items of a pipeline: the others are measured' {
        $bad = Join-Path $work 'bad.gguf'
        $sample = Join-Path $work 'sample.txt'
        Get-Content $EvalText -TotalCount 30 | Set-Content $sample
        $results = $bad, $model | Measure-Model -Text $sample -ContextLength 64 -ErrorAction SilentlyContinue -ErrorVariable caught
        $results.Model | Should -Be $model
        $caught.Count | Should -Be 1
    }
}

Describe 'Measure-Model -Speed' {
    It 'tells median and spread of every repetition' {
        $speed = Measure-Model $model -Speed -PromptTokens 16 -GeneratedTokens 4 -Repetitions 3 -Threads 1
        $speed | Should -BeOfType ([ModelOps.SpeedResult])
        $speed.TokensPerSecond.Samples.Count | Should -Be 3
        $speed.PromptTokensPerSecond.Low | Should -BeLessOrEqual $speed.PromptTokensPerSecond.Median
        $speed.Threads | Should -Be 1
        ($speed | Out-String) | Should -Match '±'
    }

    It 'takes models from the pipeline, one after another' {
        $results = Get-Item $model, (Join-Path $work 'missing.gguf') -ErrorAction SilentlyContinue | Measure-Model -Speed -PromptTokens 0 -GeneratedTokens 2 -Repetitions 1
        $results.PromptTokensPerSecond | Should -BeNullOrEmpty
        $results.TokensPerSecond.Median | Should -BeGreaterThan 0
    }

    It 'refuses to measure nothing, and a model with -Calibrate' {
        (Get-WrittenError { Measure-Model $model -Speed -PromptTokens 0 -GeneratedTokens 0 }).FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
        { Measure-Model $model -Calibrate } | Should -Throw -ErrorId 'PositionalParameterNotFound,*'
    }
}

Describe 'Arguments' {
    It 'answers in objects under a schema' {
        $schema = @{ type = 'object'; properties = @{ level = @{ enum = 'low', 'high' }; count = @{ type = 'integer'; minimum = 1; maximum = 99 } }; required = 'level', 'count'; additionalProperties = $false }
        $answers = @('a', 'b' | Invoke-Model -Model $model -Raw -Temperature 2 -TopK 0 -As Object -Schema $schema)
        $answers.Count | Should -Be 2
        $answers.level | ForEach-Object { $_ | Should -BeIn 'low', 'high' }
        $answers | ForEach-Object { $_.count | Should -BeOfType [long]; $_.count | Should -BeIn (1..99) }
        $json = Invoke-Model 'a' -Model $model -Raw -As Json -Schema ($schema | ConvertTo-Json -Depth 9)
        $json | Should -BeOfType [string]
        ($json | ConvertFrom-Json).level | Should -BeIn 'low', 'high'
    }

    It 'obeys a grammar, and refuses what is none' {
        (Invoke-Model 'a' -Model $model -Raw -Temperature 2 -Grammar 'root ::= "x" | "y"').Text | Should -BeIn 'x', 'y'
        { Invoke-Model 'a' -Model $model -Raw -Grammar 'root ::= root' } | Should -Throw -ErrorId 'InvalidGrammar,*'
        { Invoke-Model 'a' -Model $model -Raw -Schema @{ not = @{} } } | Should -Throw -ErrorId 'InvalidSchema,*'
        { Invoke-Model 'a' -Model $model -Raw -As Json -Grammar 'root ::= "x"' } | Should -Throw -ErrorId 'InvalidArgument,*'
        (Get-WrittenError { Invoke-Model 'a' -Model $model -Raw -As Object -MaxTokens 1 -Schema @{ const = 'much longer than a token' } }).FullyQualifiedErrorId | Should -BeLike 'AnswerCutOff,*'
    }

    It 'that exclude each other end the command' {
        { Invoke-Model 'x' -Model $model -Raw -System 'y' } | Should -Throw -ErrorId 'InvalidArgument,ModelOps.PowerShell.Commands.InvokeModelCommand'
    }

    It 'that make no sense are refused by the shell' {
        { Invoke-Model 'x' -Model $model -Temperature -1 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
        { Invoke-Model 'x' -Model $model -MaxTokens 0 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'name a text that is missing' {
        (Get-WrittenError { Measure-Model $model -Text (Join-Path $work 'missing.txt') }).FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
    }
}
