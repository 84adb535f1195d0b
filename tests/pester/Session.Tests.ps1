BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $model = Join-Path $Golden 'llama/official.q8_0.gguf'
    $work = New-TestFolder
    $question = @{ Model = $model; Raw = $true; Temperature = 0; MaxTokens = 3; ContextLength = 1024 }
    # The model goes in circles on this prompt, until the context is full: many seconds in which to disturb it.
    $endless = @{ Prompt = 'a'; Model = $model; Raw = $true; Temperature = 0; MaxTokens = 100000; ContextLength = 32768 }
    $crash = 'EngineCrashed,ModelOps.PowerShell.Commands.InvokeModelCommand'

    # Whatever the shell or a worker leaves in the temporary folder is seen: it is a folder of this file's own.
    $temporary = (New-Item -ItemType Directory (Join-Path $work 'tmp')).FullName
    $before = $env:TMPDIR
    $env:TMPDIR = $temporary

    function Get-Alive([int] $Id) { Get-Process -Id $Id -ErrorAction Ignore }
}

AfterAll {
    Remove-Module ModelOps
    $env:TMPDIR = $before
    Remove-Item -Recurse -Force $work
}

Describe 'Get-ModelSession and Close-ModelSession' {
    BeforeEach { Close-ModelSession }

    It 'show nothing, and do nothing, when there is no worker' {
        Get-ModelSession | Should -BeNullOrEmpty
        { Close-ModelSession } | Should -Not -Throw
    }

    It 'tell of the worker and its model' {
        $null = Invoke-Model 'Once' @question
        $session = Get-ModelSession
        $session | Should -BeOfType ([ModelOps.ModelSession])
        $session.ProcessId | Should -Be (Get-Worker).Id
        $session.Model | Should -Be $model
        $session.State | Should -Be 'Idle'
        $session.Parameters.ContextLength | Should -Be 1024
        $session.MemoryBytes | Should -BeGreaterThan 1MB
        $session.IdleTimeLeft | Should -BeGreaterThan ([timespan]::Zero)
        $session.IdleTimeLeft | Should -Not -BeGreaterThan ([timespan]::FromMinutes(10))
        ($session | Out-String) | Should -Match 'official\.q8_0\.gguf'
    }

    It 'keep the model as long as -KeepAlive says' {
        $null = Invoke-Model 'Once' @question -KeepAlive 2h
        (Get-ModelSession).IdleTimeLeft.TotalHours | Should -BeGreaterThan 1
        $null = Invoke-Model 'Once' @question -KeepAlive Forever
        (Get-ModelSession).IdleTimeLeft | Should -BeNullOrEmpty
        $worker = (Get-ModelSession).ProcessId
        $null = Invoke-Model 'Once' @question -KeepAlive 0
        # It ends by itself.
        while (Get-Alive $worker) { Start-Sleep -Milliseconds 50 }
        Get-ModelSession | Should -BeNullOrEmpty
        $null = Invoke-Model 'Once' @question -KeepAlive 2d
        (Get-ModelSession).IdleTimeLeft | Should -BeGreaterThan ([timespan]::FromHours(47))
        { Invoke-Model 'Once' @question -KeepAlive 5 } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { Invoke-Model 'Once' @question -KeepAlive -1h } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
    }

    It 'end the worker by pipeline, and not with -WhatIf' {
        $null = Invoke-Model 'Once' @question
        $worker = (Get-ModelSession).ProcessId
        Get-ModelSession | Close-ModelSession -WhatIf
        Get-Alive $worker | Should -Not -BeNullOrEmpty
        (Get-WrittenError { Close-ModelSession -ProcessId 1 }).FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
        Get-ModelSession | Close-ModelSession
        Get-Alive $worker | Should -BeNullOrEmpty
        Get-ModelSession | Should -BeNullOrEmpty
    }

    It 'leave nothing running when the shell is killed in the middle of an answer' -Skip:$IsWindows {
        $script = "Import-Module '$Root/ModelOps.psd1'; Invoke-Model 'a' -Model '$model' -Raw -Temperature 0 -MaxTokens 100000 -ContextLength 32768 -Stream | ForEach-Object { if (-not `$told) { `$told = (Get-ModelSession).ProcessId; `$told } }"
        $start = [System.Diagnostics.ProcessStartInfo]::new('pwsh')
        foreach ($argument in '-NoProfile', '-NonInteractive', '-Command', $script) { $start.ArgumentList.Add($argument) }
        $start.RedirectStandardOutput = $true
        $shell = [System.Diagnostics.Process]::Start($start)
        $worker = Get-Process -Id ([int]$shell.StandardOutput.ReadLine())
        $shell.Kill()
        $shell.WaitForExit()
        $worker.WaitForExit()
        $worker.HasExited | Should -BeTrue
        Get-ChildItem $temporary -Filter 'modelops-*' | Should -BeNullOrEmpty
        # What a killed shell leaves of its own is not ours.
        Get-ChildItem $temporary -Filter "*$($shell.Id)*" | Remove-Item -Force
    }
}

# .NET catches an abort and a fault that others send, and lives on; those of the engine itself end it (Engine.Tests.ps1). These signals end any process.
Describe 'A worker that dies' -Skip:$IsWindows {
    It 'of SIG<Signal> while <Moment> is a terminating error; the next call works, and nothing is left' -ForEach @(
        foreach ($signal in 'KILL', 'XCPU', 'SYS') {
            foreach ($moment in 'loading', 'reading a prompt', 'answering', 'nothing is asked') { @{ Signal = $signal; Moment = $moment; Seed = Get-Random } }
        }
        foreach ($number in 1..8) { @{ Signal = 'KILL', 'XCPU', 'SYS' | Get-Random; Moment = 'loading', 'reading a prompt', 'answering', 'nothing is asked' | Get-Random; Seed = Get-Random } }
    ) {
        $null = Invoke-Model 'Once' @question
        $worker = (Get-ModelSession).ProcessId
        $random = [random]::new($Seed)
        $late = $random.Next($Moment -eq 'loading' ? 30 : 200)
        $caught = $null
        try {
            switch ($Moment) {
                'answering' {
                    $at = $random.Next(1, 200); $seen = 0
                    $null = Invoke-Model @endless -Stream | ForEach-Object { if (++$seen -eq $at) { $worker = (Get-ModelSession).ProcessId; /bin/kill "-$Signal" $worker } }
                }
                'nothing is asked' { /bin/kill "-$Signal" $worker }
                default {
                    # Another runspace sees the same worker: it strikes once the worker is at it.
                    $shared = [hashtable]::Synchronized(@{})
                    $killer = Start-ThreadJob -ArgumentList $Root, $Signal, $late, $shared {
                        param($Root, $Signal, $Late, $Shared)
                        Import-Module "$Root/ModelOps.psd1"
                        $Shared.Ready = $true
                        # An answer that is there already was too fast for it: it strikes between calls then.
                        while (-not $Shared.Over -and (-not ($session = Get-ModelSession) -or $session.State -eq 'Idle')) { Start-Sleep -Milliseconds 2 }
                        Start-Sleep -Milliseconds $Late
                        if ($session = Get-ModelSession) { /bin/kill "-$Signal" $session.ProcessId; $session.ProcessId }
                    }
                    while (-not $shared.Ready) { Start-Sleep -Milliseconds 20 }
                    $null = $Moment -eq 'loading' ? (Invoke-Model 'Once' @question -Threads $random.Next(2, 5)) : (Invoke-Model ('Once upon a time. ' * 1500) -Model $model -Raw -MaxTokens 1 -ContextLength 32768)
                }
            }
        }
        catch { $caught = $_ }
        if ($killer) { $shared.Over = $true; $worker = (Receive-Job -Wait -AutoRemoveJob $killer) ?? $worker }
        while (Get-Alive $worker) { Start-Sleep -Milliseconds 20 }
        if ($Moment -in 'answering', 'reading a prompt') { $caught | Should -Not -BeNullOrEmpty }
        if ($caught) {
            $caught.FullyQualifiedErrorId | Should -BeExactly $crash
            "$caught" | Should -Match "SIG$Signal"
        }
        (Invoke-Model 'Once' @question).Tokens.Count | Should -BeGreaterThan 0
        @(Get-Worker).Count | Should -Be 1
        (Get-Worker).Id | Should -Not -Be $worker
    }

    It 'takes a pipeline of parallel prompts with it; the next works' {
        $null = Invoke-Model 'Once' @question -Parallel 4
        { 1..400 | ForEach-Object { 'a' } | Invoke-Model -Model $model -Raw -Temperature 0 -MaxTokens 300 -ContextLength 4096 -Parallel 4 -Unordered | ForEach-Object { if ($session = Get-ModelSession) { /bin/kill -KILL $session.ProcessId } } } | Should -Throw -ErrorId $crash
        @('a', 'b' | Invoke-Model @question -Parallel 4).Count | Should -Be 2
        @(Get-Worker).Count | Should -Be 1
    }

    It 'leaves no file and no socket' {
        Close-ModelSession
        Get-Worker | Should -BeNullOrEmpty
        Get-ChildItem $temporary -Force | Should -BeNullOrEmpty
    }
}

Describe 'Invoke-Model -Parallel' {
    BeforeAll {
        $prompts = 1..24 | ForEach-Object { "word $_" }
        # A batch is summed in another order than one prompt alone; with weights of 8 bits that is enough to turn a close choice.
        $question = $question + @{}
        $question.Model = Join-Path $Golden 'llama/official.f32.gguf'
        $alone = $prompts | Invoke-Model @question
    }

    It 'answers in the order of the prompts as one after the other does' {
        $answers = @($prompts | Invoke-Model @question -Parallel 8)
        $answers.Prompt | Should -Be $prompts
        $answers.Text | Should -Be $alone.Text
    }

    It 'writes each as it is done with -Unordered' {
        $answers = @($prompts | Invoke-Model @question -Parallel 8 -Unordered)
        $answers.Prompt | Sort-Object | Should -Be ($prompts | Sort-Object)
    }

    It 'gives each prompt the whole context' {
        $null = 'a', 'b' | Invoke-Model @question -Parallel 4
        (Get-ModelSession).Parameters.ContextLength | Should -Be 4096
        (Get-ModelSession).Parameters.Sequences | Should -Be 4
    }

    It 'writes what is wrong with one prompt, and answers the others' {
        $long = 'much too long ' * 4000
        $answers = @('a', $long, 'b' | Invoke-Model @question -Parallel 3 -ErrorAction SilentlyContinue -ErrorVariable caught)
        $answers.Prompt | Should -Be 'a', 'b'
        $caught.Count | Should -Be 1
        $caught[0].FullyQualifiedErrorId | Should -BeLike 'ContextFull,*'
        $caught[0].TargetObject | Should -Be $long
    }

    It 'stops all of it when nobody wants more' {
        (1..200 | ForEach-Object { "word $_" } | Invoke-Model @question -Parallel 4 | Select-Object -First 2).Prompt | Should -Be 'word 1', 'word 2'
        (Get-ModelSession).State | Should -Be 'Idle'
    }

    It 'stops all of it with the pipeline' {
        $other = [powershell]::Create()
        try {
            $null = $other.AddScript("Import-Module '$Root/ModelOps.psd1'; 'b', 'a', 'a', 'a' | Invoke-Model -Model '$model' -Raw -Temperature 0 -MaxTokens 100000 -ContextLength 32768 -Parallel 2")
            $running = $other.BeginInvoke()
            while ((Get-ModelSession).State -ne 'Busy') { Start-Sleep -Milliseconds 20 }
            $other.Stop()
            $running.IsCompleted | Should -BeTrue
            (Get-ModelSession).State | Should -Be 'Idle'
        }
        finally { $other.Dispose() }
    }

    It 'excludes -Stream' {
        { 'a' | Invoke-Model @question -Parallel 2 -Stream } | Should -Throw -ErrorId 'InvalidArgument,*'
    }

    It 'may be one stage of a pipeline of several models' {
        $answers = @('a', 'b', 'c' | Invoke-Model @question -Parallel 2 | ForEach-Object { Invoke-Model $_.Prompt -Model (Join-Path $Golden 'gemma3/official.bf16.gguf') -Raw -Temperature 0 -MaxTokens 2 })
        $answers.Prompt | Should -Be 'a', 'b', 'c'
    }
}

Describe 'Prompts' {
    It 'come from the columns of a table' {
        $table = Join-Path $work 'in.csv'
        [pscustomobject]@{ Id = 'x'; Prompt = 'hello'; Path = 'nowhere' }, [pscustomobject]@{ Id = 'y'; Prompt = 'Once upon a time'; Path = '' } | Export-Csv $table
        $answers = @(Import-Csv $table | Invoke-Model @question)
        $answers.Id | Should -Be 'x', 'y'
        $answers.Prompt | Should -Be 'hello', 'Once upon a time'
        (Import-Csv $table | Invoke-Model @question -Parallel 2).Id | Should -Be 'x', 'y'
    }

    It 'are not the text of objects' {
        (Get-WrittenError { [pscustomobject]@{ Question = 'hello' } | Invoke-Model @question }).FullyQualifiedErrorId | Should -BeLike 'InputObjectNotBound,*'
    }

    It 'come from files, with wildcards and without' {
        foreach ($name in 'a[1]', 'b') { Set-Content -LiteralPath (Join-Path $work "$name.prompt") 'hello' -NoNewline }
        $expected = (Invoke-Model 'hello' @question).Text
        $answers = @(Invoke-Model -PromptPath (Join-Path $work '*.prompt') @question)
        $answers.Text | Should -Be $expected, $expected
        $answers.Id | Split-Path -Leaf | Sort-Object | Should -Be 'a[1].prompt', 'b.prompt'
        (Invoke-Model -LiteralPromptPath (Join-Path $work 'a[1].prompt') @question).Text | Should -Be $expected
        (Get-WrittenError { Invoke-Model -PromptPath (Join-Path $work 'missing.prompt') @question }).FullyQualifiedErrorId | Should -BeLike 'FileNotFound,*'
    }

    It 'in a table that Export-Csv wrote come back in one that Import-Csv reads, whatever is in them' {
        $rows = @(
            [pscustomobject]@{ key = 'plain'; prompt = 'hello' }
            [pscustomobject]@{ key = 'comma, quote "'; prompt = "two`nlines, and a `"quote`"" }
            [pscustomobject]@{ key = "tab`t"; prompt = '=1+1' }
            [pscustomobject]@{ key = 'ünï'; prompt = '日本語 🙂' }
            [pscustomobject]@{ key = ''; prompt = ' spaces ' }
        )
        $in = Join-Path $work 'rows.csv'
        $out = Join-Path $work 'rows-out.csv'
        $rows | Export-Csv $in
        $cli = Get-ChildItem (Join-Path $Root 'src/ModelOps.Cli/bin/*/net10.0/modelops.dll') | Sort-Object LastWriteTime | Select-Object -Last 1
        dotnet $cli.FullName run $model --raw --temperature 0 --max-tokens 3 --input $in --output $out 2>$null
        $LASTEXITCODE | Should -Be 0
        $back = @(Import-Csv $out)
        $back.key | Should -Be $rows.key
        $back.prompt | Should -Be $rows.prompt
        $back.error | ForEach-Object { $_ | Should -BeNullOrEmpty }
        $back[0].answer | Should -Be (Invoke-Model 'hello' @question).Text
    }
}

Describe 'Invoke-Model with adapters and a full context' {
    BeforeAll {
        $llama = Join-Path $Golden 'llama/official.f32.gguf'
        $asked = @{ Model = $llama; Raw = $true; Temperature = 0; GpuLayers = 0; Threads = 1 }
        Copy-Item (Join-Path $Golden 'lora-llama/official.f32.gguf') (Join-Path $TestDrive 'adapter.gguf')
    }

    It 'puts adapters of the location on the model, at the strength that is told' {
        $plain = Invoke-Model 'hello' @asked -MaxTokens 12
        Push-Location $TestDrive
        try {
            $whole = Invoke-Model 'hello' @asked -MaxTokens 12 -Adapter adapter.gguf
            $half = Invoke-Model 'hello' @asked -MaxTokens 12 -Adapter adapter.gguf=0.5, ./adapter.gguf=0.5
            $none = Invoke-Model 'hello' @asked -MaxTokens 12 -Adapter adapter.gguf=0
        }
        finally { Pop-Location }
        ($whole.Tokens -join ' ') | Should -Not -Be ($plain.Tokens -join ' ')
        $half.Tokens | Should -Be $whole.Tokens
        $none.Tokens | Should -Be $plain.Tokens
        { Invoke-Model 'hello' @asked -Adapter (Join-Path $TestDrive 'missing.gguf') -ErrorAction Stop } | Should -Throw -ErrorId 'FileNotFound,*'
    }

    It 'ends an answer that fills the context, or forgets its older half' {
        $ended = Invoke-Model 'a' @asked -MaxTokens 400 -ContextLength 256
        $ended.FinishReason | Should -Be 'Length'
        $ended.Tokens.Count | Should -BeLessThan 256
        $shifted = Invoke-Model 'a' @asked -MaxTokens 400 -ContextLength 256 -Overflow Shift
        $shifted.Tokens.Count | Should -Be 400
        $shifted.Tokens[0..($ended.Tokens.Count - 1)] | Should -Be $ended.Tokens
    }
}

Describe 'Get-ModelEmbedding and Select-ModelDocument' {
    BeforeAll { $bert = Join-Path $Golden 'bert/official.f32.gguf' }

    It 'give every text of the pipeline its vector, in batches' {
        $texts = 1..150 | ForEach-Object { "word $_" }
        $vectors = @($texts | Get-ModelEmbedding -Model $bert -SimilarTo 'word 7')
        $vectors.Text | Should -Be $texts
        $vectors[6].Similarity | Should -BeGreaterThan 0.99999
        $length = 0
        $vectors[0].Embedding | ForEach-Object { $length += $_ * $_ }
        [math]::Abs($length - 1) | Should -BeLessThan 1e-4
        ($vectors[0] | Out-String) | Should -Match 'word 1'
    }

    It 'write what is wrong with one text, and read the others' {
        $long = 'word ' * 600
        $rows = [pscustomobject]@{ Id = 'a'; Text = 'one' }, [pscustomobject]@{ Id = 'b'; Text = $long }, [pscustomobject]@{ Id = 'c'; Text = 'three' }
        $vectors = @($rows | Get-ModelEmbedding -Model $bert -ErrorAction SilentlyContinue -ErrorVariable caught)
        $vectors.Id | Should -Be 'a', 'c'
        $caught[0].FullyQualifiedErrorId | Should -BeLike 'ContextFull,*'
        $caught[0].TargetObject | Should -Be $long
    }

    It 'refuse a model that was not trained to judge' {
        { 'a', 'b' | Select-ModelDocument 'query' -Model $bert } | Should -Throw -ErrorId 'InvalidArgument,*'
    }
}
